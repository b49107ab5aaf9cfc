"""Who may come in: by name and password, or from this machine alone; and no page of another site."""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
from base64 import b64decode
from dataclasses import dataclass
from pathlib import Path
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


@dataclass(frozen=True)
class Origins:
    """Whose pages may call, beside those of the server's own address.

    Attributes:
        allowed: origins ("https://films.example"); "*" allows all.
        pattern: a regular expression that a whole origin may match; "" for none.
        forwarded: whether the server's own address is what a proxy before it tells (`X-Forwarded-Host`), which anybody else
            could tell too.
    """

    allowed: tuple[str, ...] = ()
    pattern: str = ""
    forwarded: bool = False

    def allow(self, origin: str) -> bool:
        return "*" in self.allowed or origin in self.allowed or bool(self.pattern and re.fullmatch(self.pattern, origin))


_READING = ("GET", "HEAD", "OPTIONS")


def check_origin(request: Request, origins: Origins) -> None:
    """Keeps out calls that change or compute something and that a page of another site makes, with the credentials that the
    user's browser keeps. Programs send no origin, and pass.

    Raises:
        HTTPException: 403.
    """
    if request.method in _READING:
        return
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if origin is not None and origins.allow(origin):
        return
    if origin is not None and _origin(origin) not in _own_addresses(request, origins, origin):
        raise HTTPException(403, f"Origin is {origin[:200]!r}; no page of another site may call")
    if site not in (None, "same-origin", "none"):
        raise HTTPException(403, f"Sec-Fetch-Site is {site[:200]!r}; no page of another site may call")


def _own_addresses(request: Request, origins: Origins, origin: str) -> list[tuple[str, int | None]]:
    """Host and port under which this server is called; a port that is not told is that of the origin's scheme, since a
    proxy may have taken the encryption off."""
    told = [request.headers.get("host", "")]
    if origins.forwarded:
        told.append(request.headers.get("x-forwarded-host", "").partition(",")[0].strip())
    scheme = origin.partition(":")[0]
    return [address for host in told if (address := _origin(f"{scheme}://{host}"))[0]]


def _origin(url: str) -> tuple[str, int | None]:
    host, port = _address(url)
    return host, port or {"http": 80, "https": 443}.get(url.partition(":")[0])


def _address(url: str) -> tuple[str, int | None]:
    """Host and port of a URL; of a damaged one nothing that is allowed."""
    try:
        parts = urlsplit(url)
        plain = not (parts.username or parts.password or parts.path or parts.query or parts.fragment)
        return (parts.hostname or "", parts.port) if plain else ("", None)
    except ValueError:
        return "", None


def credentials_of(auth: str, told_by: str = "--auth") -> dict[str, str]:
    """Passwords by user from `user:password,user:password`. Raises LookError."""
    return _users(auth.split(",") if auth else [], f"{told_by}: allowed is USER:PASSWORD, several with commas between them")


def _users(parts: list[str], allowed: str) -> dict[str, str]:
    found = {}
    for part in parts:
        user, colon, password = part.partition(":")
        if not (user and colon and password):
            raise LookError(allowed)
        found[user] = password
    return found


def credentials_from(auth: str, file: str | None) -> dict[str, str]:
    """Passwords by user from what is told first: `auth`, a file with `user:password` in each line, the environment variable
    `FILMLOOK_AUTH`. Other users of a machine see a command line, but not these two.

    Raises:
        LookError: none are in it, or they are damaged.
    """
    if auth or not file:
        return credentials_of(auth) if auth else credentials_of(os.environ.get("FILMLOOK_AUTH", ""), "FILMLOOK_AUTH")
    try:
        lines = Path(file).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise LookError(f"{file}: cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}") from None
    allowed = f"{file}: allowed is USER:PASSWORD in each line, and at least one"
    found = _users([line for line in lines if line.strip()], allowed)
    if not found:
        raise LookError(allowed)
    return found


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
