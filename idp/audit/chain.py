"""The chain of the audit trail as pure functions: how each row holds on to the one before it, and where that breaks."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from idp.core import crypto, lifetimes

GENESIS = "0"
KEYED = "p1."  # how a keyed hash begins; the hashes of older rows have no key, and no dot
ERASED_FACTS = "{}"

# What the registry was asked is kept a year, shorter than the trail: its facts may be forgotten, the row stays.
EVENTS_WITH_ERASABLE_FACTS = frozenset({"identity_proved", "identity_refused", "identity_unavailable"})
FACTS_RETENTION_MS = lifetimes.REGISTRY_FACTS_KEPT.seconds * 1000  # milliseconds


@dataclass(frozen=True, slots=True)
class BrokenChain:
    """Where the chain breaks: the first position that is not what was written, and why."""

    position: int
    why: str


@dataclass(frozen=True, slots=True)
class Link:
    """The last row before those that are looked at: its position and hash."""

    position: int = 0
    hash: str = GENESIS


def canonical(value: Any) -> str:
    """JSON that is the same for the same value."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def chained(rows: list[dict[str, Any]], after: Link, key: bytes) -> list[dict[str, Any]]:
    """The rows with position, previous, facts_digest and keyed hash."""
    linked = []
    for number, row in enumerate(rows, after.position + 1):
        held = row | {"position": number, "previous": after.hash, "facts_digest": crypto.digest(row["facts"])}
        after = Link(number, hash_of(held, key))
        linked.append(held | {"hash": after.hash})
    return linked


def verify_chain(
    rows: Iterable[Mapping[Any, Any]], after: Link, known: Collection[Link], now: int, key: bytes
) -> Link | BrokenChain:
    """The last row, or the first that is not what was written.

    `known` are rows that are remembered elsewhere: they tell when rows at the end were cut off, or all of them written
    anew, which the chain alone cannot. `now` in milliseconds decides whose facts may be forgotten already.
    """
    remembered = {link.position: link.hash for link in known}
    for row in rows:
        why = _wrong(row, after, now, key)
        if why:
            return BrokenChain(after.position + 1, why)
        after = Link(row["position"], row["hash"])
        if any(link.position == after.position and link.hash != after.hash for link in known):
            return BrokenChain(after.position, "the chain was written anew")
    if after.position < max(remembered, default=0):
        return BrokenChain(after.position + 1, "rows at the end were removed")
    return after


def hash_of(row: Mapping[Any, Any], key: bytes | None = None) -> str:
    """Covers everything in the row but the hash itself; facts by their digest, so that they can be forgotten.

    With the key nobody who has the tables alone can write a row that fits; rows of before have hashes without one.
    """
    # Rows of the first days have no digest of their facts: in them the hash covers the facts themselves.
    left_out = ("hash", "facts_digest") if row["facts_digest"] is None else ("hash", "facts")
    covered = canonical({name: value for name, value in row.items() if name not in left_out})
    return crypto.digest(covered) if key is None else KEYED + crypto.mac(key, covered)


def is_keyed(hashed: str) -> bool:
    return hashed.startswith(KEYED)


def _wrong(row: Mapping[Any, Any], after: Link, now: int, key: bytes) -> str | None:
    if row["position"] != after.position + 1:
        return "a row is missing"
    if row["previous"] != after.hash:
        return "it does not follow the row before it"
    if is_keyed(after.hash) and not is_keyed(row["hash"]):
        return "it was written without the key"  # fails closed: the way back to hashes that anybody can make
    if row["hash"] != hash_of(row, key if is_keyed(row["hash"]) else None) or not _facts_are_intact(row, now):
        return "its content was changed"
    return None


def _facts_are_intact(row: Mapping[Any, Any], now: int) -> bool:
    if row["facts_digest"] is None or row["facts_digest"] == crypto.digest(row["facts"]):
        return True
    # Forgetting is no way to hide something: only these events, and only once their time is over.
    return bool(
        row["facts"] == ERASED_FACTS and row["event"] in EVENTS_WITH_ERASABLE_FACTS and row["at"] < now - FACTS_RETENTION_MS
    )
