"""Where the work runs."""

from __future__ import annotations

import torch

from filmlook.errors import LookError
from filmlook.paths import log, tell_once

_ABLE = ("cpu", "cuda")  # all that is used here is there
_unable: set[str] = set()  # kinds of device on which something was missing


def usable(device: torch.device) -> torch.device:
    """The device, or the CPU where something was missing on its like."""
    return torch.device("cpu") if device.type in _unable else device


def gives_up(device: torch.device, error: Exception) -> bool:
    """Whether an operation is missing on a device (MPS, DirectML, XPU), so that the CPU has to do it all from now on; it is
    told in a line, once."""
    if device.type in _ABLE or not isinstance(error, NotImplementedError | RuntimeError | TypeError):
        return False
    if "out of memory" in str(error).lower():
        return False
    _unable.add(device.type)
    log.debug("Film Look: %s lacks an operation", device, exc_info=error)
    first = next(iter(str(error).splitlines()), "")
    tell_once(f"{device.type} lacks something that developing needs; the CPU does it: {type(error).__name__}: {first}"[:300])
    return True


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
