"""The key material of a running process: read at start, and again when the file was changed by a rotation."""

from typing import cast

import structlog
from flask import Flask, current_app

from idp.core.settings import ConfigError, Settings, secrets_of
from idp.storage.sealing import Sealer

log = structlog.get_logger()

STAMP = "idp.secrets.stamp"


def load(app: Flask) -> Sealer:
    """Reads the file; raises ConfigError."""
    known: Settings = app.extensions["idp.settings"]
    secrets = secrets_of(known)
    stamp = _stamp(known)
    sealer = Sealer(secrets.sealing, secrets.index, renew=lambda: _renewed(app))
    app.extensions |= {STAMP: stamp, "idp.secrets": secrets, "idp.storage.sealing": sealer}
    return sealer


def refresh() -> None:
    """Takes over what a rotation wrote; a file that cannot be read is logged, and the last good one stays."""
    _renewed(cast(Flask, current_app._get_current_object()))  # type: ignore[attr-defined]


def _renewed(app: Flask) -> Sealer:
    if _stamp(app.extensions["idp.settings"]) != app.extensions.get(STAMP):
        try:
            load(app)
            log.info("secrets_reloaded")
        except ConfigError as broken:
            app.extensions[STAMP] = _stamp(app.extensions["idp.settings"])  # not again until it changes
            log.error("secrets_not_reloaded", why=str(broken))
    return cast(Sealer, app.extensions["idp.storage.sealing"])


def _stamp(known: Settings) -> tuple[int, int] | None:
    try:
        found = known.secrets_file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
