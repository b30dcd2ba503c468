"""The addresses that a client's entry may hold: redirect URIs, pages, resources and origins."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

LOOPBACK = ("127.0.0.1", "localhost", "::1")
FORBIDDEN_SCHEMES = frozenset({"javascript", "data", "vbscript", "file", "blob", "about", "ftp", "ws", "wss", "mailto"})
_SAFE = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")  # RFC 3986 section 2


def _plain(uri: str) -> None:
    if not _SAFE.fullmatch(uri) or len(uri) > 2000:
        raise ValueError("has a character that a URI cannot have: write it percent-encoded")
    if "*" in uri:
        raise ValueError("has a wildcard: list each address in full")


def redirect_uri(uri: str) -> str:
    """An address that an answer may go to: https, http on loopback, or a private scheme of an app (RFC 8252 section 7.1)."""
    _plain(uri)
    parts = urlsplit(uri)
    if parts.fragment or "#" in uri:
        raise ValueError("has a fragment: remove everything from the #")  # RFC 6749 section 3.1.2
    if parts.scheme in FORBIDDEN_SCHEMES or not parts.scheme:
        raise ValueError("has a scheme that no answer may go to: use https://")
    if parts.scheme in ("http", "https"):
        _web(uri)
    elif "." not in parts.scheme:
        raise ValueError("has a private scheme without a dot: use the app's reversed domain, such as id.go.example.app:/callback")
    return uri


def address(uri: str) -> str:
    """An address of the client that we link to or call: https, or http on loopback."""
    _plain(uri)
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https"):
        raise ValueError("must begin with https://")
    _web(uri)
    return uri


def resource(uri: str) -> str:
    """What names a protected resource: an absolute URI without a fragment (RFC 8707 section 2)."""
    _plain(uri)
    if not urlsplit(uri).scheme or "#" in uri:
        raise ValueError("must be an absolute URI without a fragment, such as https://api.example.go.id/")
    return uri


def origin(uri: str) -> str:
    """An origin as browsers send it (RFC 6454 section 6.2): scheme, host and port, nothing after them."""
    address(uri)
    parts = urlsplit(uri)
    if uri != f"{parts.scheme}://{parts.netloc}":
        raise ValueError("must be scheme, host and port only: remove everything after the host")
    return uri


def _web(uri: str) -> None:
    parts = urlsplit(uri)
    if not parts.hostname or "@" in parts.netloc:
        raise ValueError("must name a host, without user or password in it")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise ValueError("is http:// on a public host: use https://")
    try:
        fits = parts.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise ValueError("has a port that cannot be: ports go from 1 to 65535")


def is_loopback(uri: str) -> bool:
    """Whether an answer that goes there stays on the machine of the browser (RFC 8252 section 7.3)."""
    parts = urlsplit(uri)
    return parts.scheme == "http" and parts.hostname in LOOPBACK


RedirectUri = Annotated[str, AfterValidator(redirect_uri)]
Address = Annotated[str, AfterValidator(address)]
Resource = Annotated[str, AfterValidator(resource)]
Origin = Annotated[str, AfterValidator(origin)]
