"""Risk: option chains, smiles fitted to them, and (later) stress and margin research."""
