"""The chain of the audit trail as pure functions: how each row holds on to the one before it, and where that breaks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from idp.core import crypto

GENESIS = "0"
ERASED_FACTS = "{}"

# What the registry was asked is kept a year, shorter than the trail: its facts may be forgotten, the row stays.
EVENTS_WITH_ERASABLE_FACTS = frozenset({"identity_proved", "identity_refused", "identity_unavailable"})
FACTS_RETENTION_MS = 365 * 86400 * 1000  # milliseconds


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


def chained(rows: list[dict[str, Any]], after: Link) -> list[dict[str, Any]]:
    """The rows with position, previous, facts_digest and hash."""
    linked = []
    for number, row in enumerate(rows, after.position + 1):
        held = row | {"position": number, "previous": after.hash, "facts_digest": crypto.digest(row["facts"])}
        after = Link(number, hash_of(held))
        linked.append(held | {"hash": after.hash})
    return linked


def verify_chain(rows: Iterable[Mapping[Any, Any]], after: Link, known: Link, now: int) -> Link | BrokenChain:
    """The last row, or the first that is not what was written.

    `known` is a later row that is remembered elsewhere: it tells when rows at the end were cut off, which the chain
    alone cannot. `now` in milliseconds decides whose facts may be forgotten already.
    """
    for row in rows:
        why = _wrong(row, after, now)
        if why:
            return BrokenChain(after.position + 1, why)
        after = Link(row["position"], row["hash"])
        if after.position == known.position and after.hash != known.hash:
            return BrokenChain(after.position, "the chain was written anew")
    if after.position < known.position:
        return BrokenChain(after.position + 1, "rows at the end were removed")
    return after


def hash_of(row: Mapping[Any, Any]) -> str:
    """Covers everything in the row but the hash itself; facts by their digest, so that they can be forgotten."""
    # Rows of the first days have no digest of their facts: in them the hash covers the facts themselves.
    left_out = ("hash", "facts_digest") if row["facts_digest"] is None else ("hash", "facts")
    return crypto.digest(canonical({name: value for name, value in row.items() if name not in left_out}))


def _wrong(row: Mapping[Any, Any], after: Link, now: int) -> str | None:
    if row["position"] != after.position + 1:
        return "a row is missing"
    if row["previous"] != after.hash:
        return "it does not follow the row before it"
    if row["hash"] != hash_of(row) or not _facts_are_intact(row, now):
        return "its content was changed"
    return None


def _facts_are_intact(row: Mapping[Any, Any], now: int) -> bool:
    if row["facts_digest"] is None or row["facts_digest"] == crypto.digest(row["facts"]):
        return True
    # Forgetting is no way to hide something: only these events, and only once their time is over.
    return bool(
        row["facts"] == ERASED_FACTS and row["event"] in EVENTS_WITH_ERASABLE_FACTS and row["at"] < now - FACTS_RETENTION_MS
    )
