"""A tripwire: personal facts and secrets that must show up in no log line, no value of the store and no row of the tables."""

import re
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, MetaData, text


@dataclass
class Tripwire:
    """The facts known to a test."""

    facts: set[str] = field(default_factory=set)
    sources: list[set[str]] = field(default_factory=list)

    def watch(self, facts: set[str]) -> None:
        """Adds facts; a reference, so that what is learned later (codes) counts too."""
        self.sources.append(facts)

    @property
    def known(self) -> set[str]:
        """Everything watched, in the shapes in which it could leak."""
        found = set(self.facts).union(*self.sources)
        return {shape for fact in found if len(fact) >= 5 for shape in (fact, fact.upper(), fact.lower())}

    def search(self, place: str, where: str) -> None:
        """Raises AssertionError when a fact is in the text; the fact itself is not repeated."""
        for fact in self.known:
            assert not _tells(fact, where), f"personal data ({fact[:2]}…, {len(fact)} characters) in {place}"

    def search_store(self, redis: Any) -> None:
        """Searches every key and value."""
        for key in redis.scan_iter(count=1000):
            self.search("a Redis key", key.decode())
            self.search(f"the Redis value {key.decode().partition(':')[0]}", _value(redis, key))

    def search_tables(self, engine: Engine, metadata: MetaData) -> None:
        """Searches every row."""
        with engine.connect() as connection:
            for table in metadata.sorted_tables:
                rows = connection.execute(text(f"SELECT * FROM {table.name}")).all()
                self.search(f"the table {table.name}", str([tuple(row) for row in rows]))


def _tells(fact: str, where: str) -> bool:
    # Six digits stand in many a digest by chance: a code counts where it stands alone.
    if fact.isdigit() and len(fact) == 6:
        return re.search(rf"(?<![0-9A-Za-z_+/-]){fact}(?![0-9A-Za-z_+/-])", where) is not None
    return fact in where


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
