"""Arrow in and out. pyarrow is an optional dependency, imported when it is needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow


class ArrowMissing(ImportError):
    """What was asked for needs pyarrow, which is not installed."""


@dataclass(frozen=True, slots=True)
class ArrowTable:
    """A dataclass of NumPy arrays of one shape: to Arrow a table whose columns are the fields."""

    def to_arrow(self) -> pyarrow.RecordBatch:
        """Returns the fields as columns over the same memory; a grid is laid out flat, row by row.

        Raises:
            ArrowMissing: When pyarrow is not installed.
        """
        return record_batch({field.name: getattr(self, field.name) for field in fields(self)})

    def __arrow_c_array__(self, requested_schema: object = None) -> Any:
        """The Arrow C data interface, for example ``polars.DataFrame(greeks)``."""
        return self.to_arrow().__arrow_c_array__(requested_schema)


def record_batch(columns: Mapping[str, npt.NDArray[Any]]) -> pyarrow.RecordBatch:
    """Returns arrays as a record batch, without a copy where they are contiguous.

    Raises:
        ArrowMissing: When pyarrow is not installed.
    """
    arrow = _pyarrow()
    return arrow.record_batch({name: arrow.array(np.ravel(array)) for name, array in columns.items()})


def from_producer(value: Any) -> pyarrow.Array | pyarrow.ChunkedArray:
    """Returns what a producer of the Arrow C data interface holds.

    Raises:
        ArrowMissing: When pyarrow is not installed.
    """
    arrow = _pyarrow()
    return arrow.array(value) if hasattr(value, "__arrow_c_array__") else arrow.chunked_array(value)


def _pyarrow() -> ModuleType:
    try:
        return import_module("pyarrow")
    except ImportError as error:
        raise ArrowMissing("this needs pyarrow: pip install 'synchromesh[arrow]'") from error
