"""The directory of clients: those of the file, reloaded when it changes, and those that registered themselves."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import structlog
from flask import current_app

from idp.core import clock
from idp.core.settings import ConfigError
from idp.oidc.clients.client import Client
from idp.oidc.clients.file import load

log = structlog.get_logger()

CHECK_INTERVAL = 1.0  # seconds

FindClient = Callable[[str], Client | None]


@dataclass(slots=True)
class ClientDirectory:
    """The clients of the file, and those that `others` find: the built-in one, those that registered themselves."""

    path: Path
    known: dict[str, Client]
    stamp: tuple[int, int, int]
    production: bool = False
    others: tuple[FindClient, ...] = ()
    listeners: list[Callable[[], None]] = field(default_factory=list)
    _looked: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def open(cls, path: Path, *, production: bool = False, others: tuple[FindClient, ...] = ()) -> "ClientDirectory":
        """Reads the file; `others` are asked in turn for what it does not know. Raises ConfigError."""
        stamp = _stamp(path)  # before reading: what is written meanwhile is seen as a change
        return cls(path, load(path, production=production), stamp, production, others, _looked=clock.monotonic())

    def find(self, client_id: str) -> Client | None:
        """The client, from the file as it is now (within a second), else from the others."""
        if clock.monotonic() - self._looked > CHECK_INTERVAL:
            self._look()
        client = self.known.get(client_id)
        if client is not None:
            return client
        return next((found for other in self.others if (found := other(client_id)) is not None), None)

    def all(self) -> list[Client]:
        """The clients of the file."""
        return list(self.known.values())

    def _look(self) -> None:
        if not self._lock.acquire(blocking=False):
            return
        try:
            self._looked = clock.monotonic()
            stamp = _stamp(self.path)
            if stamp != self.stamp:
                self.stamp = stamp
                self._reload()
        finally:
            self._lock.release()

    def _reload(self) -> None:
        try:
            self.known = load(self.path, production=self.production)
        except ConfigError as wrong:
            # An operator's slip must not sign a country out: the last good file stays until this one is mended.
            first, *more = str(wrong).splitlines()
            log.error("clients_not_reloaded", sentence=first, more=len(more))
            return
        log.info("clients_reloaded", number=len(self.known))
        for listener in self.listeners:
            listener()


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_size, found.st_ino)


def clients() -> ClientDirectory:
    """The application's directory of clients: `find(client_id)`."""
    return cast(ClientDirectory, current_app.extensions["idp.clients"])
