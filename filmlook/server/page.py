"""The stand-alone page: the darkroom that `filmlook serve` shows at `/`. Its files are read from a list, never from a path."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response

from filmlook.server.answers import FileAnswer, JsonAnswer
from filmlook.server.backend import Backend

_PACKAGE = Path(__file__).resolve().parents[1]
_PAGE = Path(__file__).with_name("page")
_KINDS = {".html": "text/html", ".css": "text/css", ".mjs": "text/javascript", ".svg": "image/svg+xml"}
_HEADERS = {
    # Nothing leaves the machine: the page loads from here alone, and no other site may frame it.
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'self'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' blob: data:",
            "media-src 'self' blob:",
            "frame-ancestors 'none'",
        )
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",  # of another version than the server's it would ask for what is not there
}


def _beside(folder: str) -> Path:
    """A folder inside the installed package, or beside it in a checkout."""
    return next((p for p in (_PACKAGE / folder, _PACKAGE.parent / folder) if p.is_dir()), _PACKAGE / folder)


@lru_cache(maxsize=1)
def _files() -> dict[str, Path]:
    """The page's own files, and the component's, by the path that they are called under."""
    component = _beside("javascript")
    own = {path.name: path for path in _PAGE.iterdir() if path.suffix in _KINDS}
    return {**own, **{path.relative_to(component).as_posix(): path for path in component.rglob("*.mjs")}}


@lru_cache(maxsize=1)
def _languages() -> dict[str, Path]:
    return {path.stem: path for path in _beside("localizations").glob("*.json")}


def build_page(backend: Backend) -> APIRouter:
    """The page's routes, behind the backend's check as the API's are."""

    def check(request: Request) -> None:
        backend.check(request)

    router = APIRouter(dependencies=[Depends(check)], include_in_schema=False)

    @router.get("/")
    def index() -> Response:
        return _file("index.html")

    @router.get("/page/{name:path}")
    def file(name: str) -> Response:
        return _file(name)

    @router.get("/languages")
    def languages() -> Response:
        return JsonAnswer(sorted(_languages()))

    @router.get("/localization/{language}")
    def localization(language: str) -> Response:
        path = _languages().get(language)
        if path is None:
            known = ", ".join(sorted(_languages()))
            raise HTTPException(404, f"there is no language {language[:20]!r}; languages are: {known}")
        texts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return JsonAnswer(texts)

    return router


def _file(name: str) -> Response:
    path = _files().get(name)
    if path is None:
        raise HTTPException(404, f"there is no page {name[:100]!r}")
    return FileAnswer(path.read_bytes(), media_type=_KINDS[path.suffix], headers=_HEADERS)
