"""The HTTP API inside the WebUI: our routes behind the host's credentials and in its queue."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from fastapi import HTTPException, Request
from modules import call_queue, script_callbacks, shared

from filmlook.engine.develop import film_picture
from filmlook.files.picture import Picture
from filmlook.look import Look
from filmlook.moving_look import MovingLook
from filmlook.prompts.findings import GenerationParams
from filmlook.prompts.report import Report
from filmlook.server.auth import Origins, check_basic, check_origin, credentials_of
from filmlook.server.request_body import Limits
from filmlook.server.router import build_darkroom, build_router
from filmlook.webui import host_models, hosts, options, patches
from filmlook.webui.depth_networks import depth_of_host
from filmlook.webui.on_film import build_on_film
from filmlook.webui.once.policies import LOOK
from filmlook.webui.processing import developed, device, failed


class HostTurn:
    """The host's state, told how far a job is."""

    def advance(self, share: float) -> None:
        shared.state.sampling_steps, shared.state.sampling_step = 100, int(100 * share)

    def is_stopped(self) -> bool:
        return bool(shared.state.interrupted)


class HostBackend:
    """The backend of the routes inside the WebUI."""

    def __init__(self, app: Any) -> None:
        self._app = app

    @property
    def limits(self) -> Limits:
        return options.limits()

    def check(self, request: Request) -> None:
        """With --api-auth HTTP Basic, as the host's own routes; else with --gradio-auth the page's cookie, unless the settings
        say to follow the host, which then asks for nothing; else nothing."""
        if shared.cmd_opts.api_auth:
            check_basic(request, credentials_of(shared.cmd_opts.api_auth))
        elif hosts.has_login(self._app) and not options.value("api_as_host"):
            cookies = [request.cookies.get(name) for name in hosts.login_cookies(self._app)]
            if not any(cookie and cookie in self._app.tokens for cookie in cookies):
                raise HTTPException(401, "Not authenticated")
        check_origin(request, allowed_origins())

    @contextmanager
    def turn(self, pictures: int) -> Iterator[HostTurn]:
        with call_queue.queue_lock:
            if not pictures:
                yield HostTurn()
                return
            shared.state.begin(job="film-look")
            try:
                shared.state.job_count = 1
                yield HostTurn()
            finally:
                shared.state.end()

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
        known = depth or (self.depth(source) if look.may_have("aperture") else None)

        def by(source: Picture, look: Look, *, seed: int, **_: Any) -> Picture:
            return developed(source, LOOK, look, seed=seed, progress=progress, mask=mask, depth=known)

        return film_picture(source, look, seed=seed, again=again, mask=mask, depth=known, by=by)

    def depth(self, source: Picture) -> Picture | None:
        return depth_of_host(source)

    def film_place(self) -> tuple[str | None, int | None]:
        return str(device()), options.tile()

    def at_end(self, close: Callable[[], None]) -> None:
        script_callbacks.on_script_unloaded(close)

    def proof_device(self) -> tuple[torch.device, bool]:
        """The CPU while the host's GPU has something to do: a viewer does not wait for a generation."""
        place = device()
        busy = place.type != "cpu" and hosts.is_working(shared.state)
        return (torch.device("cpu") if busy else place), busy

    def report(self, prompt: str, negative: str, checkpoint: str | None, settings: GenerationParams) -> Report:
        found = host_models.checkpoint_named(checkpoint) if checkpoint else None
        return host_models.report_of(prompt, negative, found, settings)

    def state(self) -> None:
        return None

    def interrupt(self) -> None:
        shared.state.interrupt()


def allowed_origins() -> Origins:
    """Whose pages the host lets call; and, by the environment, whether a proxy before it tells its address."""
    names, pattern = hosts.allowed_origins()
    return Origins(names, pattern, os.environ.get("FILMLOOK_BEHIND_PROXY", "") not in ("", "0"))


def register() -> None:
    """Adds the routes whenever the host has started its server: without an API those alone that its own page needs."""

    def on_app_started(demo: Any, app: Any) -> None:
        try:
            app.include_router(build_on_film(HostBackend(app)))
            if not (shared.cmd_opts.api or shared.cmd_opts.nowebui):
                app.include_router(build_darkroom(HostBackend(app)))
                return
            app.include_router(build_router(HostBackend(app)))
            patches.install_api()
        except Exception as error:
            failed("no routes", error)

    script_callbacks.on_app_started(on_app_started)
