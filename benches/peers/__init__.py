"""Other libraries at the work of `synchromesh.pricing`, and what `benches.pricing` needs to time them fairly."""
