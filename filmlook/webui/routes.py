"""The HTTP API inside the WebUI: our routes behind the host's credentials and in its queue; and `alwayson_scripts` checked
before anything is sampled."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from fastapi import HTTPException, Request
from modules import call_queue, script_callbacks, shared

from filmlook.engine.develop import film_picture
from filmlook.errors import LookError
from filmlook.files.picture import Picture
from filmlook.look import SETTINGS, Look
from filmlook.prompts.findings import GenerationParams
from filmlook.prompts.report import Report
from filmlook.server.auth import Origins, check_basic, check_origin, credentials_of
from filmlook.server.request_body import Limits
from filmlook.server.requests import told
from filmlook.server.router import build_router
from filmlook.webui import host_models, options
from filmlook.webui.arguments import chosen_from
from filmlook.webui.once.policies import LOOK
from filmlook.webui.processing import developed, log, reason_of
from filmlook.webui.script import TITLE


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
        """The host's own rule: with --api-auth HTTP Basic, else with --gradio-auth the page's cookie, else nothing."""
        if shared.cmd_opts.api_auth:
            check_basic(request, credentials_of(shared.cmd_opts.api_auth))
        elif getattr(self._app, "auth", None) is not None:
            cookies = [request.cookies.get(name) for name in cookie_names(self._app)]
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

    def develop(self, source: Picture, look: Look, seed: int | None, again: bool, progress: Callable[[float], None]) -> Picture:
        def by(source: Picture, look: Look, *, seed: int, **_: Any) -> Picture:
            return developed(source, LOOK, look, seed=seed, progress=progress)

        return film_picture(source, look, seed=seed, again=again, by=by)

    def report(self, prompt: str, negative: str, checkpoint: str | None, settings: GenerationParams) -> Report:
        found = host_models.checkpoint_named(checkpoint) if checkpoint else None
        return host_models.report_of(prompt, negative, found, settings)

    def state(self) -> None:
        return None

    def interrupt(self) -> None:
        shared.state.interrupt()


def allowed_origins() -> Origins:
    """Whose pages the host lets call, by --cors-allow-origins and --cors-allow-origins-regex among its options; and, by the
    environment, whether a proxy before it tells its address."""
    told = getattr(shared.cmd_opts, "cors_allow_origins", None) or ""
    pattern = getattr(shared.cmd_opts, "cors_allow_origins_regex", None) or ""
    forwarded = os.environ.get("FILMLOOK_BEHIND_PROXY", "") not in ("", "0")
    return Origins(tuple(origin.strip() for origin in told.split(",") if origin.strip()), pattern, forwarded)


def cookie_names(app: Any) -> list[str]:
    """The names of gradio's login cookie, which change with its version."""
    names = ["access-token", "access-token-unsecure"]
    identity = getattr(app, "cookie_id", None)
    return names + ([f"access-token-{identity}", f"access-token-unsecure-{identity}"] if identity else [])


def register() -> None:
    """Adds the routes whenever the host has started its server with an API."""

    def on_app_started(demo: Any, app: Any) -> None:
        if not (shared.cmd_opts.api or shared.cmd_opts.nowebui):
            return
        try:
            app.include_router(build_router(HostBackend(app)))
            _check_arguments()
        except Exception as error:
            log.error("Film Look: no routes: %s", reason_of(error))

    script_callbacks.on_app_started(on_app_started)


def _check_arguments() -> None:
    """Frames `Api.init_script_args`, once: it is called before anything is sampled, and what it raises is answered."""
    from modules.api.api import Api  # not before the host has made its API

    original = Api.init_script_args
    if hasattr(original, "film_look"):
        return

    @wraps(original)
    def init_script_args(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        for title, entry in (request.alwayson_scripts or {}).items():
            if title.lower() == TITLE.lower():
                request.alwayson_scripts[title] = checked(entry)
        return original(self, request, *args, **kwargs)

    init_script_args.film_look = True  # type: ignore[attr-defined]
    Api.init_script_args = init_script_args


def checked(entry: Any) -> Any:
    """The script's entry in `alwayson_scripts` as the host understands it: `args` as a list.

    Raises:
        HTTPException: 422 for what is wrong in it.
    """
    args = entry.get("args", []) if isinstance(entry, dict) else entry
    args = [args] if isinstance(args, (dict, str)) else args
    if not isinstance(entry, dict) or not isinstance(args, list):
        raise HTTPException(422, f"{TITLE}: args: allowed is an object of settings, the name of a preset, or a list")
    most = 1 if args and isinstance(args[0], (dict, str)) else 1 + len(SETTINGS) + 2
    if len(args) > most:
        raise HTTPException(422, f"{TITLE}: args: {len(args)} values; allowed: {most}")
    try:
        chosen_from(args)
    except LookError as error:
        raise HTTPException(422, f"{TITLE}: {told(error)}") from None
    return {**entry, "args": args}
