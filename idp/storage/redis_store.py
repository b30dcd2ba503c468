"""The store: Redis as this product uses it, in the subset that Redis 6.2 serves, standalone, Sentinel or Cluster."""

import os
import re
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import redis
from flask import current_app
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from idp.core import crypto
from idp.storage.embedded_redis import embedded_redis
from idp.storage.redis_urls import connect_redis
from idp.storage.silence import Silence

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
    """A Lua script by its digest; the keys of one call share a hash tag, so that a Cluster runs it in one place.

    In its source `run` is the run of the server, 40 characters: another one after every restart and failover, which may
    have lost the last second of what was written.
    """

    __slots__ = ("sha", "source")

    def __init__(self, source: str) -> None:
        self.source = "local run = table.remove(ARGV)\n" + source
        self.sha = crypto.sha1_hex(self.source)


# What is good for one use counts only under the run of the server in which it was written: a failover that forgot the use
# must not bring it back.
_PUT_ONCE = Script("redis.call('SET', KEYS[1], run .. ARGV[1], 'EX', ARGV[2])")
_PEEK = Script("""
local kept = redis.call('GET', KEYS[1])
if not kept then return nil end
return {string.sub(kept, 41), string.sub(kept, 1, 40) == run and 1 or 0}
""")
_TAKE_ONCE = Script("""
local kept = redis.call('GETDEL', KEYS[1])
return kept and string.sub(kept, 1, 40) == run and string.sub(kept, 41)
""")


class Store:
    """One connection pool and the few atomic steps that we build on; every method raises StoreUnavailable."""

    def __init__(self, client: "redis.Redis") -> None:
        self.redis = client
        self._lines = _ScriptConnections(client)
        self._silence = Silence()

    def get(self, key: str) -> bytes | None:
        with self._asking():
            return cast("bytes | None", self.redis.get(key))

    def put(self, key: str, value: bytes | str, ttl: int) -> None:
        """Writes a value that lives `ttl` seconds."""
        with self._asking():
            self.redis.set(key, value, ex=ttl)

    def put_if_absent(self, key: str, value: bytes | str, ttl: int) -> bool:
        """Writes for `ttl` seconds unless the key exists; True for the one who wrote."""
        with self._asking():
            return bool(self.redis.set(key, value, ex=ttl, nx=True))

    def take(self, key: str) -> bytes | None:
        """Reads and deletes in one step: of two that ask at once, one gets the value."""
        with self._asking():
            return cast("bytes | None", self.redis.getdel(key))

    def put_once(self, key: str, value: bytes | str, ttl: int) -> None:
        """Writes for `ttl` seconds what is good for one use: it is over when the server restarts or fails over."""
        self.run(_PUT_ONCE, (key,), (value, ttl))

    def peek(self, key: str) -> tuple[bytes, bool] | None:
        """What `put_once` wrote, and whether it was written in this run of the server; it stays."""
        found = self.run(_PEEK, (key,))
        return (found[0], bool(found[1])) if found else None

    def take_once(self, key: str) -> bytes | None:
        """Takes what `put_once` wrote in this run of the server: of two that ask at once, one gets the value."""
        return cast("bytes | None", self.run(_TAKE_ONCE, (key,)))

    def drop(self, *keys: str) -> None:
        """Deletes; one command per key, since keys of one account may lie apart from others in a Cluster."""
        with self._asking():
            for key in keys:
                self.redis.unlink(key)

    def add(self, key: str, member: str, ttl: int) -> None:
        """Adds to a set that lives at least `ttl` more seconds."""
        with self._asking():
            pipeline = self.redis.pipeline(transaction=False)
            pipeline.sadd(key, member)
            pipeline.expire(key, ttl)
            pipeline.execute()

    def remove(self, key: str, member: str) -> bool:
        """Removes from a set; True for the one who removed it."""
        with self._asking():
            return bool(self.redis.srem(key, member))

    def members(self, key: str) -> set[str]:
        """The set's members; empty when there is none."""
        with self._asking():
            return {m.decode() for m in cast("set[bytes]", self.redis.smembers(key))}

    def fields(self, key: str, *names: str) -> list[bytes | None]:
        """Several fields of a hash."""
        with self._asking():
            return cast("list[bytes | None]", self.redis.hmget(key, list(names)))

    def drop_fields(self, key: str, *names: str) -> None:
        """Removes fields of a hash."""
        with self._asking():
            self.redis.hdel(key, *names)

    def all_fields(self, key: str) -> dict[str, bytes]:
        """A whole hash; empty when there is none."""
        with self._asking():
            return {name.decode(): value for name, value in cast("dict[bytes, bytes]", self.redis.hgetall(key)).items()}

    def put_fields(self, key: str, values: dict[str, str | bytes], ttl: int) -> None:
        """Writes fields of a hash that lives `ttl` seconds from now."""
        with self._asking():
            pipeline = self.redis.pipeline(transaction=False)
            pipeline.hset(key, mapping=cast(Any, values))
            pipeline.expire(key, ttl)
            pipeline.execute()

    def push(self, queue: str, *values: bytes | str) -> None:
        with self._asking():
            self.redis.rpush(queue, *values)

    def listed(self, queue: str) -> list[bytes]:
        """All of a list, oldest first, left in place."""
        with self._asking():
            return cast("list[bytes]", self.redis.lrange(queue, 0, -1))

    def queue(self, name: str) -> tuple[int, bytes | None]:
        """How many values wait in a list, and the first of them."""
        with self._asking():
            pipeline = self.redis.pipeline(transaction=False)
            pipeline.llen(name)
            pipeline.lindex(name, 0)
            length, first = pipeline.execute()
            return int(length), first

    def run(self, script: Script, keys: Sequence[str], args: Sequence[str | bytes | int] = ()) -> Any:
        """Runs a script by digest, loading it where the server has not met it yet (restart, failover, new node)."""
        with self._asking():
            return self._lines.run(script, keys, args)

    def close(self) -> None:
        """Closes every connection; the next step opens new ones."""
        self._lines.close()
        self.redis.close()

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Turns what Redis cannot do into StoreUnavailable, at once while it is silent."""
        if self._silence.turns_away():
            raise StoreUnavailable("silent")
        try:
            yield
        except OUTAGES as down:
            if isinstance(down, redis.TimeoutError):
                self._silence.begins()
            raise StoreUnavailable(type(down).__name__) from down
        except redis.ResponseError as refused:
            why = next((code for code in REFUSALS if code in str(refused)), None)
            if why is None:
                raise
            raise StoreUnavailable(why) from refused
        self._silence.ends()

    def ping(self) -> None:
        """Returns when the server answers."""
        with self._asking():
            self.redis.ping()


class _ScriptConnections:
    """Connections for the scripts of the hot paths: borrowing one from redis-py for each costs as much as the round trip.

    Each knows the run of the server that it is connected to, and tells it to every script.
    """

    def __init__(self, client: "redis.Redis") -> None:
        self._client: Any = client
        self._idle: dict[Any, deque[Any]] = {}
        self._process = os.getpid()

    def run(self, script: Script, keys: Sequence[str], args: Sequence[str | bytes | int]) -> Any:
        """The script's answer. A connection that broke while it lay idle is opened anew; a Cluster that moved is looked up."""
        try:
            return self._ask(script, keys, args)
        except redis.TimeoutError:
            raise
        except (redis.ConnectionError, redis.exceptions.MovedError, redis.exceptions.AskError):
            self._begin_anew()
            return self._ask(script, keys, args)

    def close(self) -> None:
        """Closes the connections that lie idle. Each is kept, and opened again when it is used: a pool makes so many only."""
        for idle in self._idle.values():
            closed = []
            while idle:
                closed.append(idle.pop())
                closed[-1].disconnect()
            idle.extend(closed)

    def _ask(self, script: Script, keys: Sequence[str], args: Sequence[str | bytes | int]) -> Any:
        pool = self._pool(keys)
        line = self._take(pool)
        try:
            if not line.is_connected:
                line.connect()
            rest = (len(keys), *keys, *args, line.run_id)
            line.send_command("EVALSHA", script.sha, *rest)
            try:
                return line.read_response()
            except redis.exceptions.NoScriptError:  # the server has not met it yet (restart, failover, new node)
                line.send_command("EVAL", script.source, *rest)
                return line.read_response()
        except redis.ConnectionError:
            line.disconnect()
            raise
        except redis.ResponseError:
            raise
        except BaseException:
            # An answer that was not read to its end must never become the answer to somebody else's question.
            line.disconnect()
            raise
        finally:
            self._idle.setdefault(pool, deque()).append(line)

    def _pool(self, keys: Sequence[str]) -> Any:
        """The pool of the server that holds the keys: a Cluster has one for each node."""
        if not isinstance(self._client, redis.RedisCluster):
            return self._client.connection_pool
        cluster: Any = self._client
        node = cluster.get_node_from_key(keys[0])
        return self._client.get_redis_connection(node).connection_pool

    def _begin_anew(self) -> None:
        # What broke one idle connection has mostly broken the others too: none of them is tried next.
        self.close()
        if isinstance(self._client, redis.RedisCluster):
            self._client.nodes_manager.initialize()

    def _take(self, pool: Any) -> Any:
        if self._process != os.getpid():
            # A server that forks after loading us: parent and child on one line would read each other's answers.
            self._idle, self._process = {}, os.getpid()
        try:
            return self._idle[pool].pop()
        except (KeyError, IndexError):
            line = pool.make_connection()
            line.register_connect_callback(_RUN_READER.read)
            return line


class _RunReader:
    """Asks each new connection whose server it leads to."""

    def read(self, line: Any) -> None:
        """Notes the run of the server at the connection."""
        line.send_command("INFO", "server")
        found = re.search(rb"run_id:(\w+)", line.read_response())
        if found is None:
            raise redis.ConnectionError("the server does not say which run it is")  # fails closed
        line.run_id = found[1][:40].ljust(40, b"-")


_RUN_READER = _RunReader()


def connect(url: str) -> Store:
    """A store for `url` (see the setting redis_url); it connects at first use and again after a failure.

    A server that hangs holds one step up for two seconds at most, a try and one more; then, until it answers, whoever comes
    is turned away at once, but for one each second: the threads that would wait are those that serve.
    """
    retry = Retry(ExponentialBackoff(cap=0.1, base=0.02), 1)
    return Store(connect_redis(url, retry=retry, socket_timeout=1, socket_connect_timeout=1, health_check_interval=0))


def store() -> Store:
    return cast(Store, current_app.extensions["idp.storage.redis_store"])
