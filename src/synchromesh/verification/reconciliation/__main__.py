"""``python -m synchromesh.verification.reconciliation``: who answers, as a process."""

import typer

from synchromesh.operations.reconcile_command import respond

if __name__ == "__main__":
    typer.run(respond)
