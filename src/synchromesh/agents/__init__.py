"""Programs that use the venue like anybody else: oracle, market makers, takers."""
