"""clients.yaml: read with its line numbers, refused with one sentence, reloaded when it changes, the last good one kept."""

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import structlog
from pydantic import ValidationError

from idp import clock
from idp.config import ConfigError
from idp.oidc.client_rules import Problem
from idp.oidc.clients import Client

log = structlog.get_logger()

LOOK_EVERY = 1.0  # seconds
LEAST_SECRET = 32  # characters
CURES = {
    "extra_forbidden": "is not a member that we know",
    "missing": "is missing",
    "literal_error": "is not one of the values allowed",
}


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong in the file, where, and what to do."""

    file: str
    line: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.sentence}"


def read(path: Path) -> tuple[dict[str, Client], list[Mistake]]:
    """The file's clients by id, and everything that is wrong with it; raises ConfigError when it cannot be read at all."""
    document = _document(path)
    entries = document.get("clients") if isinstance(document, Mapping) else None
    if not isinstance(entries, list):
        return {}, [Mistake(path.name, 1, "must have one list named `clients`")]
    extra = [key for key in document if key != "clients"]
    mistakes = [Mistake(path.name, document.lc.key(key)[0] + 1, f"{key} is not known: the file has one list, `clients`") for key in extra]
    found: dict[str, Client] = {}
    for number, entry in enumerate(entries):
        line = _line(document, ("clients", number), 1)
        client, wrong = _client(entry, path, line)
        mistakes += wrong
        if client and client.client_id in found:
            mistakes.append(Mistake(path.name, line, f"client {client.client_id} is there twice: rename or remove one"))
        elif client:
            found[client.client_id] = client
    return found, mistakes


def load(path: Path) -> dict[str, Client]:
    """The clients; raises ConfigError with every mistake, a sentence each."""
    found, mistakes = read(path)
    if mistakes:
        raise ConfigError("\n".join(str(mistake) for mistake in mistakes))
    return found


def _document(path: Path) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        return YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist: create it, or point IDP_CLIENTS_FILE at your file.") from None
    except MarkedYAMLError as broken:
        line = broken.problem_mark.line + 1 if broken.problem_mark else 1
        raise ConfigError(f"{path.name}:{line}: this is not YAML ({broken.problem}): mend the line.") from None
    except (OSError, UnicodeDecodeError, YAMLError) as broken:
        raise ConfigError(f"{path} cannot be read ({type(broken).__name__}): check the file and its permissions.") from None


def _client(entry: Any, path: Path, line: int) -> tuple[Client | None, list[Mistake]]:
    if not isinstance(entry, Mapping):
        return None, [Mistake(path.name, line, "an entry must be a mapping that begins with client_id")]
    name = str(entry.get("client_id", "without client_id"))
    if "client_secret" in entry:
        at = _line(entry, ("client_secret",), line)
        cure = "client_secret is written in the clear: put client_secret_hash there (`idp clients add` makes one)"
        return None, [Mistake(path.name, at, f"client {name}: {cure}")]
    try:
        client = Client.model_validate(_plain(entry))
        return client.with_secret(_secret(client, path)), []
    except ValidationError as invalid:
        return None, [_mistake(problem, entry, path, line, name) for problem in invalid.errors(include_url=False)]
    except Problem as problem:
        at = _line(entry, (problem.member,), line)
        return None, [Mistake(path.name, at, f"client {name}: {problem.member} {problem.sentence}")]


def _mistake(problem: Any, entry: Any, path: Path, line: int, name: str) -> Mistake:
    place: tuple[Any, ...] = problem["loc"]
    cause = problem.get("ctx", {}).get("error")
    if isinstance(cause, Problem):
        place, sentence = (cause.member,), cause.sentence
    else:
        sentence = _sentence(problem, place)
    shown = place[0] if place else "the entry"
    return Mistake(path.name, _line(entry, place, line), f"client {name}: {shown} {sentence}")


def _sentence(problem: Any, place: tuple[Any, ...]) -> str:
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        near = get_close_matches(str(place[-1]), Client.model_fields, 1)
        return f"is not a member that we know{f': did you mean {near[0]}?' if near else ': remove the line'}"
    if problem["type"] == "missing":
        return "is missing: add it"
    if problem["type"] == "literal_error":
        return f"must be one of {problem['ctx']['expected']}"
    return message[:1].lower() + message[1:]


def _line(entry: Any, place: tuple[Any, ...], line: int) -> int:
    for step in place:
        try:
            line = (entry.lc.key(step) if isinstance(step, str) else entry.lc.item(step))[0] + 1
            entry = entry[step]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
    return line


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return str(value) if isinstance(value, str) else value


def _secret(client: Client, path: Path) -> str | None:
    if client.client_secret_env:
        secret = os.environ.get(client.client_secret_env)
        place, where = "client_secret_env", f"the variable {client.client_secret_env}"
    elif client.client_secret_file:
        file = path.parent / client.client_secret_file
        secret = file.read_text().strip() if file.exists() else None
        place, where = "client_secret_file", f"the file {client.client_secret_file}"
    else:
        return None
    if not secret or len(secret) < LEAST_SECRET:
        raise Problem(place, f"names {where}, which holds no secret of at least {LEAST_SECRET} characters: put one there")
    return secret


@dataclass(slots=True)
class ClientDirectory:
    """The clients of the file, and of whatever else is plugged into `others` (dynamic registration)."""

    path: Path
    known: dict[str, Client]
    stamp: tuple[int, int, int]
    others: list[Callable[[str], Client | None]] = field(default_factory=list)
    listeners: list[Callable[[], None]] = field(default_factory=list)
    _looked: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def open(cls, path: Path) -> "ClientDirectory":
        """Reads the file; raises ConfigError."""
        return cls(path, load(path), _stamp(path), _looked=clock.monotonic())

    def find(self, client_id: str) -> Client | None:
        """The client, from the file as it is now (within a second), else from the others."""
        if clock.monotonic() - self._looked > LOOK_EVERY:
            self._look()
        client = self.known.get(client_id)
        if client is None:
            for other in self.others:
                client = client or other(client_id)
        return client

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
            self.known = load(self.path)
        except ConfigError as wrong:
            # An operator's slip must not sign a country out: the last good file stays until this one is mended.
            log.error("clients_not_reloaded", sentence=str(wrong))
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
