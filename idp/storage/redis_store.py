"""The store: Redis as this product uses it, in the subset that Redis 6.2 serves, standalone, Sentinel or Cluster."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import redis
from flask import current_app
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from idp.core import crypto
from idp.storage.embedded_redis import embedded_redis
from idp.storage.redis_urls import connect_redis

__all__ = ["Script", "Store", "StoreUnavailable", "connect", "embedded_redis", "store"]


OUTAGES = (
    redis.ConnectionError,
    redis.TimeoutError,
    redis.exceptions.ReadOnlyError,
    redis.exceptions.OutOfMemoryError,
    redis.exceptions.ClusterDownError,
    redis.exceptions.MasterDownError,
    redis.exceptions.TryAgainError,
    redis.exceptions.RedisClusterException,
)
# What a server says that answers and cannot do its work; from inside a script its own words stand in the middle of others.
REFUSALS = ("OOM", "MISCONF", "READONLY", "LOADING", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN", "NOREPLICAS", "BUSY ")


class StoreUnavailable(Exception):
    """Redis did not answer, or is full, read-only, loading or in pieces: whoever asked must fail closed."""


class Script:
    """A Lua script by its digest; the keys of one call share a hash tag, so that a Cluster runs it in one place."""

    __slots__ = ("sha", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        self.sha = crypto.sha1_hex(source)


class Store:
    """One connection pool and the few atomic steps that we build on; every method raises StoreUnavailable."""

    def __init__(self, client: "redis.Redis") -> None:
        self.redis = client
        self._lines = _ScriptConnections(client)

    def get(self, key: str) -> bytes | None:
        with _translated():
            return cast("bytes | None", self.redis.get(key))

    def put(self, key: str, value: bytes | str, ttl: int) -> None:
        """Writes a value that lives `ttl` seconds."""
        with _translated():
            self.redis.set(key, value, ex=ttl)

    def put_if_absent(self, key: str, value: bytes | str, ttl: int) -> bool:
        """Writes for `ttl` seconds unless the key exists; True for the one who wrote."""
        with _translated():
            return bool(self.redis.set(key, value, ex=ttl, nx=True))

    def take(self, key: str) -> bytes | None:
        """Reads and deletes in one step: of two that ask at once, one gets the value."""
        with _translated():
            return cast("bytes | None", self.redis.getdel(key))

    def drop(self, *keys: str) -> None:
        """Deletes; one command per key, since keys of one account may lie apart from others in a Cluster."""
        with _translated():
            for key in keys:
                self.redis.unlink(key)

    def add(self, key: str, member: str, ttl: int) -> None:
        """Adds to a set that lives at least `ttl` more seconds."""
        with _translated():
            pipeline = self.redis.pipeline(transaction=False)
            pipeline.sadd(key, member)
            pipeline.expire(key, ttl)
            pipeline.execute()

    def remove(self, key: str, member: str) -> bool:
        """Removes from a set; True for the one who removed it."""
        with _translated():
            return bool(self.redis.srem(key, member))

    def members(self, key: str) -> set[str]:
        """The set's members; empty when there is none."""
        with _translated():
            return {m.decode() for m in cast("set[bytes]", self.redis.smembers(key))}

    def fields(self, key: str, *names: str) -> list[bytes | None]:
        """Several fields of a hash."""
        with _translated():
            return cast("list[bytes | None]", self.redis.hmget(key, list(names)))

    def drop_fields(self, key: str, *names: str) -> None:
        """Removes fields of a hash."""
        with _translated():
            self.redis.hdel(key, *names)

    def all_fields(self, key: str) -> dict[str, bytes]:
        """A whole hash; empty when there is none."""
        with _translated():
            return {name.decode(): value for name, value in cast("dict[bytes, bytes]", self.redis.hgetall(key)).items()}

    def put_fields(self, key: str, values: dict[str, str | bytes], ttl: int) -> None:
        """Writes fields of a hash that lives `ttl` seconds from now."""
        with _translated():
            pipeline = self.redis.pipeline(transaction=False)
            pipeline.hset(key, mapping=cast(Any, values))
            pipeline.expire(key, ttl)
            pipeline.execute()

    def push(self, queue: str, *values: bytes | str) -> None:
        with _translated():
            self.redis.rpush(queue, *values)

    def listed(self, queue: str) -> list[bytes]:
        """All of a list, oldest first, left in place."""
        with _translated():
            return cast("list[bytes]", self.redis.lrange(queue, 0, -1))

    def queue(self, name: str) -> tuple[int, bytes | None]:
        """How many values wait in a list, and the first of them."""
        with _translated():
            pipeline = self.redis.pipeline(transaction=False)
            pipeline.llen(name)
            pipeline.lindex(name, 0)
            length, first = pipeline.execute()
            return int(length), first

    def run(self, script: Script, keys: Sequence[str], args: Sequence[str | bytes | int] = ()) -> Any:
        """Runs a script by digest, loading it where the server has not met it yet (restart, failover, new node)."""
        with _translated():
            try:
                return self._lines.ask("EVALSHA", script.sha, len(keys), *keys, *args)
            except redis.exceptions.NoScriptError:
                return self.redis.eval(script.source, len(keys), *keys, *args)

    def close(self) -> None:
        """Closes every connection; the next step opens new ones."""
        self._lines.close()
        self.redis.close()

    def ping(self) -> None:
        """Returns when the server answers."""
        with _translated():
            self.redis.ping()


class _ScriptConnections:
    """Connections for the scripts of the hot paths: borrowing one from redis-py for each costs as much as the round trip."""

    def __init__(self, client: "redis.Redis") -> None:
        self._retrying: Callable[..., Any] = client.execute_command
        # A Cluster has a pool for each node: its client knows which one holds the keys.
        self._pool = getattr(client, "connection_pool", None)
        self._idle: deque[Any] = deque()
        self._process = os.getpid()

    def ask(self, *command: str | bytes | int) -> Any:
        """The server's answer. A line that broke while it lay idle is mended once, by redis-py's own way of trying again."""
        line = self._take()
        if line is None:
            return self._retrying(*command)
        try:
            line.send_command(*command)
            return line.read_response()
        except redis.ConnectionError:
            line.disconnect()
            return self._retrying(*command)
        except redis.ResponseError:
            raise
        except BaseException:
            # An answer that was not read to its end must never become the answer to somebody else's question.
            line.disconnect()
            raise
        finally:
            self._idle.append(line)

    def close(self) -> None:
        """Closes the lines that lie idle."""
        while self._idle:
            self._idle.pop().disconnect()

    def _take(self) -> Any:
        if self._process != os.getpid():
            # A server that forks after loading us: parent and child on one line would read each other's answers.
            self._idle, self._process = deque(), os.getpid()
        try:
            return self._idle.pop()
        except IndexError:
            return self._pool.make_connection() if self._pool is not None else None


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OUTAGES as down:
        raise StoreUnavailable(type(down).__name__) from down
    except redis.ResponseError as refused:
        why = next((code for code in REFUSALS if code in str(refused)), None)
        if why is None:
            raise
        raise StoreUnavailable(why) from refused


def connect(url: str) -> Store:
    """A store for `url` (see the setting redis_url); it connects at first use and again after a failure.

    A server that hangs holds one step up for two seconds at most, a try and one more: a request has several steps, and
    the threads that wait are those that serve.
    """
    retry = Retry(ExponentialBackoff(cap=0.1, base=0.02), 1)
    return Store(connect_redis(url, retry=retry, socket_timeout=1, socket_connect_timeout=1, health_check_interval=0))


def store() -> Store:
    return cast(Store, current_app.extensions["idp.storage.redis_store"])
