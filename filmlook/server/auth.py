"""Who may come in: by name and password, or from this machine alone."""

from __future__ import annotations

import ipaddress
import secrets
from base64 import b64decode
from urllib.parse import urlsplit

from fastapi import HTTPException, Request

from filmlook.errors import LookError


def check_basic(request: Request, credentials: dict[str, str]) -> None:
    """HTTP Basic, in constant time. Raises HTTPException 401."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    try:
        user, _, password = b64decode(encoded, validate=True).decode("utf-8").partition(":")
    except ValueError:
        user = password = ""
    known = credentials.get(user)
    right = secrets.compare_digest((known if known is not None else secrets.token_hex()).encode(), password.encode())
    if scheme.lower() != "basic" or known is None or not right:
        raise HTTPException(401, "Incorrect username or password", {"WWW-Authenticate": "Basic"})


def check_local(request: Request) -> None:
    """Keeps out the pages of other sites, which the user's browser would let call a server that asks nobody: by this machine's
    address (they send their origin), or by a name of theirs that leads here (DNS rebinding).

    Raises:
        HTTPException: 403.
    """
    host, origin = request.headers.get("host", ""), request.headers.get("origin")
    if not is_loopback(_address(f"//{host}")[0]):
        raise HTTPException(403, f"Host is {host!r}; without --auth allowed: localhost, 127.0.0.1, [::1]")
    if origin is not None and _address(origin) != _address(f"//{host}"):
        raise HTTPException(403, f"Origin is {origin!r}; without --auth no page of another site may call")


def _address(url: str) -> tuple[str, int | None]:
    """Host and port of a URL; of a damaged one nothing that is allowed."""
    try:
        parts = urlsplit(url)
        return parts.hostname or "", parts.port
    except ValueError:
        return "", None


def credentials_of(auth: str) -> dict[str, str]:
    """Passwords by user from `user:password,user:password`. Raises LookError."""
    found = {}
    for part in auth.split(",") if auth else ():
        user, colon, password = part.partition(":")
        if not (user and colon and password):
            raise LookError("--auth: allowed is USER:PASSWORD, several with commas between them")
        found[user] = password
    return found


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
