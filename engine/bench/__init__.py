"""Benchmarks: how fast it is on the box at hand. Each module is a command, `nnplay bench NAME`."""
