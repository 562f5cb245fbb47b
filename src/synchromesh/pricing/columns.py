"""What callers give, made into what the native code takes: contiguous columns of one length, or of length 1.

NumPy arrays, numbers and sequences are taken as NumPy takes them. Arrow data is taken where it comes as an array
(`pyarrow.Array`, `pyarrow.ChunkedArray`, `polars.Series`: no copy for one chunk of float64) and from any other producer
of the Arrow C data interface through pyarrow.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from synchromesh._native import PricingError
from synchromesh.pricing.arrow import from_producer

FloatArray: TypeAlias = npt.NDArray[np.float64]
ByteArray: TypeAlias = npt.NDArray[np.uint8]
Shape: TypeAlias = tuple[int, ...]
ARROW_INTERFACE = ("__arrow_c_array__", "__arrow_c_stream__")
Scalar = TypeVar("Scalar", bound=np.generic)


def operands(is_call: npt.ArrayLike, **numbers: npt.ArrayLike) -> tuple[Shape, tuple[FloatArray, ...], ByteArray]:
    """Returns the shape that all arguments broadcast to, the numbers as columns, and calls (1) and puts (0) as one.

    A column has that shape or holds one number, which native code broadcasts. An argument is copied only where it is
    neither, not contiguous, or not float64.

    Raises:
        PricingError: When an argument holds nulls, or `is_call` anything but booleans and integers.
        ValueError: When an argument is no number, or shapes do not broadcast.
    """
    calls = flags("is_call", is_call)
    arrays = [floats(name, number) for name, number in numbers.items()]
    shape = _common_shape((calls, *arrays))
    return shape, tuple(_column(array, shape) for array in arrays), _column(calls, shape)


def floats(name: str, value: npt.ArrayLike) -> FloatArray:
    """Returns an argument as float64, itself where it is that already.

    Raises:
        PricingError: When it holds nulls.
        ValueError: When it is no number.
    """
    return np.asarray(_without_nulls(name, value), np.float64)


def flags(name: str, value: npt.ArrayLike) -> ByteArray:
    """Returns booleans or integers as bytes, 0 or 1.

    Raises:
        PricingError: When it holds nulls, or something else.
    """
    array = np.asarray(_without_nulls(name, value))
    if array.size and array.dtype.kind not in "biu":
        raise PricingError(f"{name} holds {array.dtype}, must hold booleans")
    return array.astype(np.bool_, copy=False).view(np.uint8)


def outputs(count: int, shape: Shape, out: Iterable[tuple[str, FloatArray]] | None) -> list[FloatArray]:
    """Returns arrays to write into: new ones, or those of `out` by name.

    Raises:
        PricingError: When an array of `out` has another shape or type, is not contiguous, or cannot be written.
    """
    if out is None:
        # One block: an allocator keeps it from call to call, where of several large ones it gives some back.
        block = np.empty((count, *shape))
        return [block[at, ...] for at in range(count)]
    arrays = []
    for name, array in out:
        if array.shape != shape or array.dtype != np.float64 or not array.flags.carray:
            raise PricingError(f"out.{name} must be a writable contiguous array of float64, of shape {shape}")
        arrays.append(array)
    return arrays


def flat(array: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    """Returns a contiguous array as one column over the same memory."""
    return array if array.ndim == 1 else array.reshape(-1)


def _without_nulls(name: str, value: Any) -> Any:
    """Refuses what has nulls: as numbers they would be something else without a word."""
    if type(value) is np.ndarray or isinstance(value, (bool, int, float, np.generic)):
        return value
    if not hasattr(value, "__array__") and any(hasattr(value, name) for name in ARROW_INTERFACE):
        value = from_producer(value)
    if isinstance(value, np.ma.MaskedArray):
        nulls = int(np.count_nonzero(value.mask))
    else:
        counted = getattr(value, "null_count", 0)
        nulls = int(counted() if callable(counted) else counted)
    if nulls:
        raise PricingError(f"{name} holds {nulls} null{'s' if nulls > 1 else ''}")
    return value


def _common_shape(arrays: Iterable[npt.NDArray[Any]]) -> Shape:
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        shapes.discard(())
    return shapes.pop() if len(shapes) == 1 else np.broadcast_shapes(*shapes)


def _column(array: npt.NDArray[Scalar], shape: Shape) -> npt.NDArray[Scalar]:
    if array.size != 1 and array.shape != shape:
        array = np.broadcast_to(array, shape)
    return flat(array if array.flags.c_contiguous and array.flags.aligned else array.copy(order="C"))
