"""The way out of a venue whose operator is gone, from nothing but the chain."""
