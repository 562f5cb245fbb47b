"""The quorum of verifiers: nodes that replay and sign, a service that collects, and what that is good for."""
