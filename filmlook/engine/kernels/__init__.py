"""Compiled loops of the CPU's fused path (`engine.fused_cpu`). All but `numbers` needs numba, and is imported by them alone."""
