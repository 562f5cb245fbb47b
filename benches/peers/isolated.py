"""py_vollib_vectorized, in a process and an environment of its own.

Its last release, 0.1.1 of 2021, cannot be compiled by Numba beside today's py_lets_be_rational, so it gets the older
one, pinned in ``py_vollib_vectorized/*.lock``. The environment is made under ``build/`` on first use.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benches.peers.workload import Call, FloatArray, Workload
from benches.rows import ROOT

NAME = "py_vollib_vectorized 0.1.1"
HERE = Path(__file__).parent / "py_vollib_vectorized"
ENVIRONMENT = ROOT / "build" / "peers" / "py_vollib_vectorized"


@contextmanager
def vollib(greeks: Workload, vols: Workload, prices: FloatArray) -> Iterator[tuple[Call, Call]]:
    """The calls that have it compute price and Greeks of ``greeks``, and the vols of ``vols`` at ``prices``."""
    python = _python()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "options.npz"
        np.savez(path, vol_price=prices, **_columns("greeks", greeks), **_columns("vol", vols))
        command = [python, HERE / "serve.py", path]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            questions, answers = server.stdin, server.stdout

            def ask(question: str) -> Call:
                def call() -> float:
                    questions.write(question + "\n")
                    questions.flush()
                    return float(json.loads(answers.readline())["ns"])

                return call

            try:
                yield ask("greeks"), ask("vols")
            finally:
                questions.close()


def _columns(prefix: str, options: Workload) -> dict[str, np.ndarray]:
    names = ("forward", "strike", "t", "sigma", "is_call")
    return {f"{prefix}_{name}": getattr(options, name) for name in names}


def _python() -> Path:
    """The environment's interpreter; the environment is made when its pins are newer than it."""
    python = ENVIRONMENT / "bin" / "python"
    stamp = ENVIRONMENT / "pins"
    pins = "".join((HERE / name).read_text() for name in ("wheels.lock", "sources.lock"))
    if not stamp.exists() or stamp.read_text() != pins:
        subprocess.run([sys.executable, "-m", "venv", "--clear", ENVIRONMENT], check=True)
        install = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
        subprocess.run([*install, "--only-binary", ":all:", "-r", HERE / "wheels.lock"], check=True)
        subprocess.run([*install, "--no-build-isolation", "-r", HERE / "sources.lock"], check=True)
        stamp.write_text(pins)
    return python
