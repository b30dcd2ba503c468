"""Addresses: redirects after a form, origins, and paths of this site."""

from typing import cast
from urllib.parse import urlsplit

from flask import Response, redirect


def see_other(url: str) -> Response:
    """303: the answer to every POST of ours, so that refresh and back repeat nothing (RFC 9110 section 15.4.4)."""
    return cast(Response, redirect(url, 303))


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL, as CSP writes an origin; a custom scheme stands for itself."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"{parts.scheme}:"
