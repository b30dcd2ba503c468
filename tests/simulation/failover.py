"""Three Redis servers behind one address: one serves, and another takes over that knows what was copied to it in time."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import redis

from idp.storage.embedded_redis import _binary
from tests.stores import leashed
from tests.waiting import wait_until

SERVERS = 3
# What the stand-ins for the gateways sent has left the house: no failover takes an SMS back.
OUTSIDE = b"outbox"
Copy = dict[bytes, tuple[bytes, int]]


@dataclass
class Redises:
    """Servers on unix sockets; `url` leads to the one that serves."""

    place: Path
    serving: int = 0
    looked: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        """Connects to each server, past the address that the application knows."""
        self.servers = [redis.Redis(unix_socket_path=str(self._socket(number))) for number in range(SERVERS)]

    @property
    def url(self) -> str:
        """The address that the application knows."""
        return f"unix://{self.place}/serving"

    @property
    def server(self) -> redis.Redis:
        """The server that serves."""
        return self.servers[self.serving]

    def copy(self) -> Copy:
        """Everything that the serving server knows, with the milliseconds that each key has left."""
        keys = sorted(self.server.scan_iter(count=1000))
        pipeline = self.server.pipeline(transaction=False)
        for key in keys:
            pipeline.dump(key)
            pipeline.pttl(key)
        found = pipeline.execute()
        return {key: (found[2 * at], max(0, found[2 * at + 1])) for at, key in enumerate(keys) if found[2 * at] is not None}

    def begin(self, known: Copy) -> None:
        """Begins a history: the first server serves and knows this, the others know nothing."""
        for server in self.servers:
            server.flushall()
        self._serve(0)
        self._restore(known)
        self.looked = time.perf_counter()

    def fail_over(self, known: Copy) -> None:
        """The next server takes over and knows this; every connection to the former one breaks."""
        former = self.server
        sent = former.dump(OUTSIDE)
        self._serve((self.serving + 1) % SERVERS)
        self.server.flushall()
        self._restore({key: value for key, value in known.items() if key != OUTSIDE})
        if sent is not None:
            self.server.restore(OUTSIDE, 0, sent)
        former.client_kill_filter(_type="normal", skipme=True)

    def age(self, seconds: int) -> None:
        """Lets so many seconds pass for the keys that end by themselves, and none of those that this machine has taken."""
        taken, self.looked = time.perf_counter() - self.looked, time.perf_counter()
        keys = list(self.server.scan_iter(count=1000))
        pipeline = self.server.pipeline(transaction=False)
        for key in keys:
            pipeline.pttl(key)
        aged = self.server.pipeline(transaction=False)
        for key, left in zip(keys, pipeline.execute(), strict=True):
            if left >= 0 and key != OUTSIDE:
                aged.pexpire(key, left - seconds * 1000 + int(taken * 1000))  # a time that is over deletes the key
        aged.execute()

    def _restore(self, known: Copy) -> None:
        pipeline = self.server.pipeline(transaction=False)
        for key, (value, left) in known.items():
            pipeline.restore(key, left, value, replace=True)
        pipeline.execute()

    def _serve(self, number: int) -> None:
        self.serving = number
        fresh = self.place / "next"
        fresh.symlink_to(self._socket(number))
        os.replace(fresh, self.place / "serving")

    def _socket(self, number: int) -> Path:
        return self.place / f"{number}.sock"


@contextmanager
def redises(place: Path) -> Iterator[Redises]:
    """Starts the servers; they end with the block."""
    place.mkdir(parents=True, exist_ok=True)
    options = ["--port", "0", "--save", "", "--appendonly", "no", "--dir", place]
    leashes = [leashed([_binary(), "--unixsocket", place / f"{number}.sock", *options]) for number in range(SERVERS)]
    with leashes[0], leashes[1], leashes[2]:
        wait_until(lambda: all((place / f"{number}.sock").exists() for number in range(SERVERS)))
        yield Redises(place)
