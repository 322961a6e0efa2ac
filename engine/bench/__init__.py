"""Benchmarks: how fast it is on the box at hand. Each module runs as `python -m engine.bench.NAME`."""
