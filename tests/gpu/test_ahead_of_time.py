"""The programs compiled for a GPU where there is none: JAX's CUDA plugin makes machine code for a described device."""

from __future__ import annotations

import importlib.util
import os
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="JAX is not installed: pip install 'synchromesh[gpu]'")
pytest.importorskip(
    "jax_plugins.xla_cuda12", reason="JAX's CUDA plugin is not installed: pip install 'synchromesh[gpu]'"
)

HOPPER = """
gpu_device_info {
  cuda_compute_capability { major: 9 minor: 0 }
  threads_per_block_limit: 1024  threads_per_warp: 32  threads_per_core_limit: 2048
  block_dim_limit_x: 2147483647  block_dim_limit_y: 65535  block_dim_limit_z: 65535
  registers_per_core_limit: 65536  registers_per_block_limit: 65536
  shared_memory_per_block: 49152  shared_memory_per_block_optin: 232448  shared_memory_per_core: 233472
  core_count: 132  fpus_per_core: 128  clock_rate_ghz: 1.98
  memory_bandwidth: 4800000000000  l2_cache_size: 62914560  device_memory_size: 150000000000
}
platform_name: "CUDA"
dnn_version_info { major: 9 minor: 8 }
device_description_str: "NVIDIA H200"
"""


def _has_ptxas() -> bool:
    found = importlib.util.find_spec("nvidia.cuda_nvcc") if importlib.util.find_spec("nvidia") else None
    folders = list(found.submodule_search_locations or ()) if found else []
    return shutil.which("ptxas") is not None or any(os.access(Path(at) / "bin" / "ptxas", os.X_OK) for at in folders)


@pytest.mark.skipif(not _has_ptxas(), reason="NVIDIA's assembler ptxas is not installed")
@pytest.mark.parametrize("rows", [32, 8, 1])
@pytest.mark.parametrize("program", ["pallas", "xla"])
def test_every_tile_compiles_for_hopper(program: str, rows: int) -> None:
    from jax.experimental import topologies

    from synchromesh.risk.revaluation.programs import tile_pnl_pallas, tile_pnl_xla

    described = topologies.get_topology_desc("", "cuda", topology="1x1x1", target_config=HOPPER)
    where = jax.sharding.SingleDeviceSharding(described.devices[0])
    with jax.enable_x64(True):
        columns = tuple(jax.ShapeDtypeStruct((1_000, rows), np.float64, sharding=where) for _ in range(7))
        shocks = tuple(jax.ShapeDtypeStruct((1_000,), np.float64, sharding=where) for _ in range(3))
        tile_pnl = partial(tile_pnl_pallas, interpret=False) if program == "pallas" else tile_pnl_xla
        compiled = jax.jit(tile_pnl).lower(columns, shocks).compile()
    used = compiled.memory_analysis()
    assert used.output_size_in_bytes == 8 * 1_000 * 1_000
    # A tile's options never reach memory: at most the result, its scenarios rounded up to blocks, stands beside it.
    assert used.temp_size_in_bytes <= 1.1 * used.output_size_in_bytes
