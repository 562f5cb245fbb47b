"""``python -m synchromesh.verification``: the verifier as a process."""

import typer

from synchromesh.verification.command import verify

if __name__ == "__main__":
    typer.run(verify)
