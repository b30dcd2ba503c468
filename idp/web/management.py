"""Where probes and numbers are answered: on a port of their own where the settings name one, and then nowhere else."""

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, abort, current_app

from idp.core.settings import settings

PATHS = ("/healthz", "/readyz", "/metrics")
_HERE = "idp.web.management"
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def is_here() -> bool:
    """Whether this application answers on the management port."""
    return bool(current_app.extensions.get(_HERE))


def refuse_elsewhere() -> None:
    """Ends the request with 404 where probes and numbers have a port of their own and this is not it."""
    if settings().management_port and not is_here():
        abort(404)


def only_probes(app: Flask, serves: Callable[[], bool]) -> Wsgi:
    """The application for the management port: `serves` says whether the workers answer, which /healthz passes on."""
    app.extensions[_HERE] = True

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path in PATHS and (path != "/healthz" or serves()):
            return app(environ, start)
        start("404 Not Found" if path not in PATHS else "503 Service Unavailable", [("Content-Type", "text/plain")])
        return [b"failing\n" if path in PATHS else b"not here\n"]

    return answer
