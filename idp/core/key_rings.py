"""Key rings: where the keys for sealing, blind indexes, pepper and cookies come from, and how they are made."""

import json
import os
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from idp.core import crypto

RINGS = ("sealing", "index", "pepper")


class ConfigError(Exception):
    """An operator's mistake, as one sentence that names the place and the cure."""


@dataclass(frozen=True, slots=True)
class Ring:
    """Keys by id: `current` writes, all of them read; a retired key is one that was taken out."""

    current: str
    keys: dict[str, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Secrets:
    """All key material of one deployment; never from the database, never printed."""

    sealing: Ring
    index: Ring
    pepper: Ring
    cookie: bytes = field(repr=False)
    pairwise: bytes = field(repr=False)


def load_secrets(path: Path, *, generate: bool) -> Secrets:
    """Reads the file; makes it first when it is missing and `generate`; raises ConfigError."""
    if not path.exists():
        if not generate:
            raise ConfigError(f"{path} does not exist: make it once with `idp secrets new` and keep a copy in a safe.")
        write_new_secrets(path)
    try:
        return _parse(json.loads(path.read_text()))
    except OSError as refused:
        raise ConfigError(f"{path} cannot be read ({refused.strerror}): run this as the user that it belongs to.") from None
    except (KeyError, ValueError, TypeError) as broken:
        raise ConfigError(f"{path} is not a secrets file ({type(broken).__name__}): restore it from your safe.") from None


def write_new_secrets(path: Path) -> None:
    """Writes fresh rings with mode 0600; two processes that start at once agree on whoever links first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(_fresh(), file, indent=1)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def rotate(path: Path, ring: str, *, stage: bool = False) -> str:
    """Makes a key of this ring the one that writes, older ones read on; its id. Raises ConfigError.

    With `stage` the new key is only added, for machines that must all know it before one of them writes with it; the
    next rotation takes a staged key into use instead of making another.
    """
    data = _for_change(path)
    keys: dict[str, str] = data[ring]["keys"]
    newest = list(keys)[-1]
    if newest == data[ring]["current"]:
        newest = _next_id(keys)
        keys[newest] = _encoded()
    if not stage:
        data[ring]["current"] = newest
    _replace(path, data)
    return newest


def retire(path: Path, ring: str, key_id: str) -> None:
    """Takes a key out of the ring: what only it opens is lost. Raises ConfigError for the one that writes, or none."""
    data = _for_change(path)
    if key_id == data[ring]["current"]:
        raise ConfigError(f"{key_id} is the key that writes: run `idp secrets rotate {ring}` first.")
    if key_id not in data[ring]["keys"]:
        raise ConfigError(f"{path} has no key {key_id} in the ring {ring}: it has {', '.join(data[ring]['keys'])}.")
    del data[ring]["keys"][key_id]
    _replace(path, data)


def _for_change(path: Path) -> dict[str, Any]:
    load_secrets(path, generate=False)  # what is broken is told before anything is changed
    data: dict[str, Any] = json.loads(path.read_text())
    return data


def _replace(path: Path, data: dict[str, Any]) -> None:
    # The old file stays whole until the new one is on the disk; a draft that lies there belongs to another rotation.
    draft = path.with_name(f".{path.name}.new")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigError(f"{draft} exists: another rotation is at it; if none is, remove that file.") from None
    try:
        with os.fdopen(descriptor, "w") as file:
            owner = path.stat()
            if owner.st_uid != os.geteuid():
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)  # root rotates, the service reads
            json.dump(data, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError as refused:
        draft.unlink(missing_ok=True)
        raise ConfigError(f"{path} cannot be written ({refused.strerror}): nothing was changed.") from None


def _next_id(keys: dict[str, str]) -> str:
    number = len(keys) + 1
    while f"k{number}" in keys:
        number += 1
    return f"k{number}"


def _fresh() -> dict[str, Any]:
    rings: dict[str, Any] = {name: {"current": "k1", "keys": {"k1": _encoded()}} for name in RINGS}
    return rings | {"cookie": _encoded(), "pairwise": _encoded()}


def _encoded() -> str:
    return b64encode(crypto.random_bytes(32)).decode()


def _key(text: str) -> bytes:
    raw = b64decode(text, validate=True)
    if len(raw) != 32:
        raise ValueError("a key must be 32 bytes")
    return raw


def _parse(data: dict[str, Any]) -> Secrets:
    rings = {name: _ring(data[name]) for name in RINGS}
    return Secrets(rings["sealing"], rings["index"], rings["pepper"], _key(data["cookie"]), _key(data["pairwise"]))


def _ring(data: dict[str, Any]) -> Ring:
    keys = {key_id: _key(text) for key_id, text in data["keys"].items()}
    if data["current"] not in keys or any("." in key_id or "$" in key_id for key_id in keys):
        raise ValueError("the current key is not in the ring")
    return Ring(data["current"], keys)
