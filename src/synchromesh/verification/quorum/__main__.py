"""``python -m synchromesh.verification.quorum``: node and aggregator as processes."""

from synchromesh.operations.quorum_command import quorum_app

if __name__ == "__main__":
    quorum_app()
