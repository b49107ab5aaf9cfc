"""Which engines develop films in this process, for people and programs."""

from __future__ import annotations

from filmlook.engine import compiled, triton_engine
from filmlook.engine.compiled import Choice

NO_GPU = "none"


def engines() -> dict[str, Choice]:
    """The engine on the CPU and on the GPU ("none": there is no GPU of CUDA or ROCm), and why it is that one; of a device that
    has developed nothing yet, what it would choose. Nothing is chosen for that."""
    return {"cpu": compiled.status(), "gpu": triton_engine.status() or Choice(NO_GPU, "torch sees no CUDA or ROCm")}


def told() -> str:
    """The same in a sentence."""
    parts = [f"on the {device.upper()} by {c.engine} ({c.why})" for device, c in engines().items() if c.engine != NO_GPU]
    return f"Films are developed {', '.join(parts)}."
