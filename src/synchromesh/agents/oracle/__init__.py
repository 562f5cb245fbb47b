"""Oracle nodes of a local venue: each with a key and a view of its own; one proposes, the others cosign or refuse."""
