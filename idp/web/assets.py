"""Style sheet, script and logo, each named by its digest, so that browsers may keep them for ever."""

import json
from functools import partial
from pathlib import Path

from flask import Flask, Response, request, url_for

STATIC = Path(__file__).resolve().parent.parent / "static"
FOR_EVER = "public, max-age=31536000, immutable"


def manifest() -> dict[str, str]:
    """Logical name to file name, as scripts/build_assets.py wrote it."""
    known: dict[str, str] = json.loads((STATIC / "manifest.json").read_text())
    return known


def init_app(app: Flask) -> None:
    """Gives templates `asset(name)`, and files under digest names a year of cache."""
    names = manifest()
    hashed = frozenset(names.values())
    app.jinja_env.globals["asset"] = partial(_url, names)

    @app.after_request
    def keep_for_ever(response: Response) -> Response:
        if request.endpoint == "static" and (request.view_args or {}).get("filename") in hashed:
            response.headers["Cache-Control"] = FOR_EVER
        return response


def _url(names: dict[str, str], name: str) -> str:
    return url_for("static", filename=names[name])
