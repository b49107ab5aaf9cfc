"""Where the work runs."""

from __future__ import annotations

import torch

from filmlook.errors import LookError


def pick_device(device: str | torch.device | None) -> torch.device:
    """The device of that name; a GPU where there is one, if it is None.

    Raises:
        LookError: it cannot be used here.
    """
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
        torch.empty(1, device=found).item()
        return found
    except (RuntimeError, AssertionError, ImportError) as error:
        raise LookError(f"device {str(device)!r} cannot be used: {str(error).splitlines()[0]}") from None
