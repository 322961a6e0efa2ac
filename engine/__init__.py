"""The library: specs, runs, data, backends and kernels. Knows no screen."""
