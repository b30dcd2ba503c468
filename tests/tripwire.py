"""A tripwire: personal facts and secrets that must show up in no log line and no value of the store."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Tripwire:
    """The facts known to a test."""

    facts: set[str] = field(default_factory=set)

    def watch(self, facts: set[str]) -> None:
        """Adds facts; a reference, so that what is learned later (codes) counts too."""
        self.sources = [*getattr(self, "sources", []), facts]

    @property
    def known(self) -> set[str]:
        """Everything watched, in the shapes in which it could leak."""
        found = set(self.facts).union(*getattr(self, "sources", []))
        return {shape for fact in found if len(fact) >= 5 for shape in (fact, fact.upper(), fact.lower())}

    def search(self, place: str, text: str) -> None:
        """Raises AssertionError when a fact is in the text; the fact itself is not repeated."""
        for fact in self.known:
            assert fact not in text, f"personal data ({fact[:2]}…, {len(fact)} characters) in {place}"

    def search_store(self, redis: Any) -> None:
        """Searches every key and value."""
        for key in redis.scan_iter(count=1000):
            self.search("a Redis key", key.decode())
            self.search(f"the Redis value {key.decode().partition(':')[0]}", _value(redis, key))


def _value(redis: Any, key: bytes) -> str:
    kind = redis.type(key).decode()
    read = {
        "string": redis.get,
        "hash": redis.hgetall,
        "set": redis.smembers,
        "list": lambda k: redis.lrange(k, 0, -1),
        "zset": lambda k: redis.zrange(k, 0, -1, withscores=True),
        "none": lambda k: "",
    }[kind]
    found = read(key)
    return found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)
