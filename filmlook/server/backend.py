"""What stands behind the routes: the stand-alone server, or the WebUI."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

import torch
from fastapi import Request

from filmlook.files.picture import Picture
from filmlook.moving_look import MovingLook
from filmlook.prompts.findings import GenerationParams
from filmlook.prompts.report import Report
from filmlook.server.queue import Turn
from filmlook.server.request_body import Limits


class Backend(Protocol):
    """What stands behind the routes."""

    @property
    def limits(self) -> Limits:
        """What one request may bring."""

    def check(self, request: Request) -> None:
        """Lets a request in, or raises `HTTPException` 401 or 403."""

    def turn(self, pictures: int) -> AbstractContextManager[Turn]:
        """Waits until nothing else works on the machine, and holds it."""

    def develop(
        self,
        source: Picture,
        look: MovingLook,
        seed: int | None,
        again: bool,
        progress: Callable[[float], None],
        mask: Picture | None = None,
        depth: Picture | None = None,
    ) -> Picture:
        """Develops one picture with its metadata, as `filmlook.film_picture` does."""

    def film_place(self) -> tuple[str | None, int | None]:
        """Where films are developed, and in which tiles: `device` and `tile` of `develop`."""

    def at_end(self, close: Callable[[], None]) -> None:
        """Takes what is to be called when the server ends."""

    def depth(self, source: Picture) -> Picture | None:
        """The depth map of a picture where nobody gives one; None: there is none."""

    def proof_device(self) -> tuple[torch.device, bool]:
        """Where previews are made now; and whether that is not where it would be, since a generation has the GPU.

        Raises:
            LookError: where the settings say there is none.
        """

    def report(self, prompt: str, negative: str, checkpoint: str | None, settings: GenerationParams) -> Report:
        """What there is to say of a prompt; `checkpoint` is a title, a file's name or a hash."""

    def state(self) -> dict[str, Any] | None:
        """Progress, where no host tells it; None where one does."""

    def interrupt(self) -> None:
        """Stops the work in progress."""
