"""Triton kernels: what `engine.kernels` does on the CPU, on GPUs. `engine.triton_engine` imports them where they can run."""
