"""From one URL to a Redis client: TCP, TLS, unix socket, Sentinel, Cluster."""

from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

import redis
from redis.cluster import ClusterNode, RedisCluster
from redis.sentinel import Sentinel

from idp.core.key_rings import ConfigError

PLAIN = ("redis", "rediss", "unix")


def connect_redis(url: str, **options: Any) -> redis.Redis:
    """A client for `url`; raises ConfigError when it is not a URL that we know."""
    try:
        return _connect(url, options)
    except ValueError:
        # Never the URL itself, nor what was wrong in it: it holds a password.
        raise ConfigError("IDP_REDIS_URL has a port or a database that is no number: write redis://host:6379/0.") from None
    except (redis.RedisError, redis.exceptions.RedisClusterException):
        raise ConfigError("IDP_REDIS_URL: no node of the cluster answers: start it, or name nodes that are there.") from None


def _connect(url: str, options: dict[str, Any]) -> redis.Redis:
    parts = urlsplit(url)
    if parts.scheme in PLAIN:
        if parts.scheme != "unix":
            int(parts.path.strip("/") or 0)  # redis-py would take database 0 for what is no number
        return redis.Redis.from_url(url, **options)
    if parts.scheme == "redis+sentinel":
        return _through_sentinel(url, options)
    if parts.scheme == "redis+cluster":
        return _to_cluster(url, options)
    raise ConfigError("IDP_REDIS_URL must begin with redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://.")


def _nodes(url: str, default_port: int) -> list[tuple[str, int]]:
    hosts = urlsplit(url).netloc.rpartition("@")[2].split(",")
    pairs = (host.rpartition(":") if ":" in host else (host, "", "") for host in hosts)
    return [(name, int(port or default_port)) for name, _, port in pairs]


def _credentials(url: str) -> dict[str, str]:
    userinfo = urlsplit(url).netloc.rpartition("@")[0]
    user, _, password = userinfo.partition(":")
    given = {"username": unquote(user), "password": unquote(password)}
    return {name: value for name, value in given.items() if value}


def _tls(url: str) -> dict[str, Any]:
    return {"ssl": True} if parse_qs(urlsplit(url).query).get("tls") == ["1"] else {}


def _through_sentinel(url: str, options: dict[str, Any]) -> redis.Redis:
    name, _, database = urlsplit(url).path.strip("/").partition("/")
    if not name:
        raise ConfigError("IDP_REDIS_URL names no master: write redis+sentinel://host:26379,host2:26379/mymaster/0.")
    # Sentinels have a password of their own, or none.
    own = parse_qs(urlsplit(url).query).get("sentinel_password", [""])[0]
    asked = {"socket_timeout": options["socket_timeout"]} | ({"password": own} if own else {})
    sentinel = Sentinel(_nodes(url, 26379), sentinel_kwargs=asked)  # type: ignore[no-untyped-call]
    connected = sentinel.master_for(name, db=int(database or 0), **_credentials(url), **_tls(url), **options)  # type: ignore[no-untyped-call]
    return cast("redis.Redis", connected)


def _to_cluster(url: str, options: dict[str, Any]) -> redis.Redis:
    nodes = [ClusterNode(host, port) for host, port in _nodes(url, 6379)]  # type: ignore[no-untyped-call]
    known: dict[str, Any] = {k: v for k, v in options.items() if k != "retry"} | _credentials(url) | _tls(url)
    return cast("redis.Redis", RedisCluster(startup_nodes=nodes, **known))
