"""Benchmarks: one module each with `run()`, which measures a value and its floor in the same run. `make bench`."""
