"""Benchmarks: speed as ratios against named peers that run beside ours. ``python -m benches`` runs them all."""
