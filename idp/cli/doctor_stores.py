"""What `idp doctor` looks at in stores and files: reached, of the right version, durable, large enough, in time."""

import shutil
import stat
from collections.abc import Iterator
from typing import Any

from idp.core.settings import Settings

LEAST_FREE = 0.1  # of a disk
LEAST_REDIS = (6, 2)
MOST_SECONDS_APART = 2
MOST_SECONDS_WAITING = 300
CONNECTIONS = 16  # of one worker at most (application._engine_options)
SPARE_CONNECTIONS = 10  # for operators, backups and watches


def secrets(loaded: Settings) -> Iterator[str]:
    """Key rings that others can read."""
    path = loaded.secrets_file
    if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield f"{path} can be read by others: run `chmod 600 {path}`."


def disk(loaded: Settings) -> Iterator[str]:
    """A disk that will be full."""
    if not loaded.var.exists():
        yield f"IDP_VAR={loaded.var} does not exist: make it, for the user of the service."
        return
    room = shutil.disk_usage(loaded.var)
    if room.free < room.total * LEAST_FREE:
        yield f"The disk of IDP_VAR={loaded.var} is {100 - room.free * 100 // room.total} % full: make room."


def database(loaded: Settings) -> Iterator[str]:
    """Tables of another version, and too few connections for the workers."""
    from sqlalchemy import inspect, text

    from idp.cli.database import refuse_older_tables
    from idp.storage.database import db

    if not inspect(db.engine).has_table("audit_events"):
        yield "The database lacks its tables: run `idp db upgrade`."
        return
    yield from refuse_older_tables()
    if db.engine.dialect.name != "postgresql":
        return
    with db.engine.connect() as connection:
        most = int(str(connection.scalar(text("SHOW max_connections"))))
        if connection.scalar(text("SELECT pg_is_in_recovery()")):
            yield "The database is a standby: point IDP_DATABASE_URL at the primary."
        if connection.scalar(text("SHOW fsync")) == "off":
            yield "PostgreSQL runs with fsync=off: what was acknowledged is lost with the power; set it to on."
    yield from _too_few(most, workers(loaded))


def workers(loaded: Settings) -> int:
    """How many workers this host runs."""
    import os

    return loaded.workers or os.cpu_count() or 1


def _too_few(most: int, number: int) -> Iterator[str]:
    wanted = number * CONNECTIONS + SPARE_CONNECTIONS
    if wanted > most:
        yield f"max_connections is {most}, and {number} workers may want {wanted} for each host: raise it, or lower IDP_WORKERS."


def keys_fit(_: Settings) -> Iterator[str]:
    """Key rings of another installation."""
    from idp.accounts import opens_what_is_sealed

    if not opens_what_is_sealed():
        yield "IDP_SECRETS_FILE has other keys than those that sealed the accounts: restore it from your safe."


def signing_keys(_: Settings) -> Iterator[str]:
    """Algorithms without a key that signs."""
    from idp.oidc import algorithms
    from idp.oidc.tokens import signing_keys as signing

    signs = {alg for _, alg, state, _ in signing.list_keys() if state not in ("next", "retired")}
    if signs and (missing := set(algorithms.signing_names()) - signs):
        yield f"No key signs with {', '.join(sorted(missing))}: run `idp keys rotate ALG --at-once`."


def redis(loaded: Settings) -> Iterator[str]:
    """A Redis that is too old, forgets at a restart, throws away what is needed, or takes no writes."""
    from idp.storage.redis_store import store

    store().put("ready", "1", 60)
    known = store().redis.info("everything") if loaded.redis_url.startswith(("redis:", "rediss:", "unix:", "embedded:")) else {}
    yield from redis_sentences(known)


def redis_sentences(known: dict[str, Any]) -> Iterator[str]:
    """What the answer to INFO means; nothing where a cluster answers for many."""
    if not known:
        return
    version = str(known.get("redis_version", "0"))
    if tuple(int(part) for part in version.split(".")[:2]) < LEAST_REDIS:
        yield f"Redis is {version}: install 6.2 or later."
    if known.get("maxmemory_policy", "noeviction") != "noeviction":
        policy = known["maxmemory_policy"]
        yield f"Redis throws away what is needed (maxmemory-policy {policy}): set it to noeviction."
    if not known.get("aof_enabled"):
        yield "Redis forgets sessions and revocations at a restart: set `appendonly yes`."
    most, used = known.get("maxmemory", 0), known.get("used_memory", 0)
    if most and used > most * (1 - LEAST_FREE):
        yield f"Redis is {used * 100 // most} % full: raise its maxmemory."
    if known.get("aof_last_write_status", "ok") != "ok" or known.get("rdb_last_bgsave_status", "ok") != "ok":
        yield "Redis could not write to its disk: look for room and rights in its directory."


def clocks(_: Settings) -> Iterator[str]:
    """Clocks that disagree: codes and tokens are judged by them."""
    from sqlalchemy import text

    from idp.core import clock
    from idp.storage.database import db

    if db.engine.dialect.name != "postgresql":
        return
    with db.engine.connect() as connection:
        apart = abs(float(str(connection.scalar(text("SELECT extract(epoch FROM clock_timestamp())")))) - clock.timestamp())
    if apart > MOST_SECONDS_APART + 1:
        yield f"The clock of the database is {apart:.0f} seconds away from this host's: let both follow NTP."


def queues(_: Settings) -> Iterator[str]:
    """Audit events and messages that nobody fetches."""
    from idp.maintenance import queues as waiting

    for name, (number, age) in waiting.lengths().items():
        if age > MOST_SECONDS_WAITING:
            yield f"{number} wait in the {name} queue, the first for {age // 60} minutes: is `idp serve` running? See its log."


def trail_grows(_: Settings) -> Iterator[str]:
    """A trail that is shorter than the store remembers."""
    from idp.audit import trail

    head = trail.lost_head()
    if head is not None:
        yield (
            f"The audit trail lacks row {head.position}, which was there: run `idp audit verify`, and after a restore"
            " `idp audit accept-restored`."
        )
