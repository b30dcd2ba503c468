"""Generations: one number per account, raised by every change after which nothing of before may count.

SQL has the truth (`accounts.generation`). The account's record in the store has a copy, so that the scripts of the hot
paths compare it in the step that uses a session, a code or a token. The copy is never older than SQL: before a change
commits, its mark stands and the copy is gone; while any mark stands nobody writes a copy; and a copy is written only by
whoever was given the lease after the last change, so that a reader who was slow writes nothing. A copy counts in the run
of the server that it was written in only: after a failover, which may have lost the last second, SQL is asked once.
"""

from collections.abc import Iterable, Sequence
from typing import Any, cast

import orjson
from sqlalchemy import BigInteger, ForeignKey, String, Table, bindparam, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from idp.accounts.model import LOCKED, Account
from idp.core import crypto, lifetimes
from idp.storage import endings, outbox
from idp.storage.database import Model, db, inserting
from idp.storage.outbox import Draft
from idp.storage.redis_store import Script, store
from idp.storage.unit_of_work import UnitOfWork, current_unit, unit_of_work

LIFE = lifetimes.ACCOUNT_COPY.seconds
MARK_LIFE = lifetimes.CHANGE_MARK.seconds
ASK = b"ask"
OUTDATED_SESSIONS = "sessions"  # as the outbox calls what is left to do with the sessions of an earlier generation
NOBODY = -1  # the generation of an account that is not there: nothing carries it


class Outdated(Exception):
    """The account has changed since this was proved: nothing was written."""


class ServiceGeneration(Model):
    """How often an account disconnected a service: what was issued to it before is worth nothing."""

    __tablename__ = "service_generations"

    subject: Mapped[str] = mapped_column(ForeignKey("accounts.subject", ondelete="CASCADE"), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    generation: Mapped[int] = mapped_column(BigInteger)


SERVICES = cast(Table, ServiceGeneration.__table__)

# KEYS: copy, marks. ARGV: a fresh lease, life.
_LEASE = Script("""
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', redis.call('TIME')[1])
if redis.call('EXISTS', KEYS[2]) == 1 then return nil end
if redis.call('HGET', KEYS[1], 'run') ~= run then redis.call('DEL', KEYS[1]) end
redis.call('HSETNX', KEYS[1], 'lease', ARGV[1])
redis.call('HSET', KEYS[1], 'run', run)
redis.call('EXPIRE', KEYS[1], ARGV[2])
return redis.call('HGET', KEYS[1], 'lease')
""")

# KEYS: copy. ARGV: lease, then fields and values.
_COPY = Script("""
local known = redis.call('HMGET', KEYS[1], 'lease', 'run')
if known[1] ~= ARGV[1] or known[2] ~= run then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
return 1
""")

# KEYS: copy, marks. ARGV: the mark of one transaction, life.
_MARK = Script("""
redis.call('ZADD', KEYS[2], redis.call('TIME')[1] + ARGV[2], ARGV[1])
redis.call('EXPIRE', KEYS[2], ARGV[2])
redis.call('DEL', KEYS[1])
""")
_LIFT = Script("""
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
""")

_COMPARE = """
local known = table.remove(ARGV)
local told = known ~= '' and cjson.decode(known)

-- What an account's copy says of its generation and its services; nil when it does not count and SQL was not asked.
local function generations(account, services)
  local names = {'run', 'generation'}
  for i, service in ipairs(services) do names[i + 2] = 'service:' .. service[1] end
  local copy = redis.call('HMGET', account, unpack(names))
  if copy[1] == run and copy[2] then return copy[2], {unpack(copy, 3, #names)} end
  if not told then return nil end
  local found = {}
  for i, service in ipairs(services) do found[i] = told.services[service[1]] or '0' end
  return tostring(told.generation), found
end

-- 'ask' for SQL, or whether what carries these numbers still counts: 'yes' or 'no'.
local function counts(account, carried, services)
  local now, found = generations(account, services)
  if not now then return 'ask' end
  if now ~= tostring(carried or 0) then return 'no' end
  for i, service in ipairs(services) do
    if tonumber(found[i] or 0) ~= tonumber(service[2] or 0) then return 'no' end
  end
  return 'yes'
end

-- Whether SQL knows that one of these ended, which a failover may have forgotten.
local function ended_before()
  return #told.ended > 0
end

-- Fields of the account's copy; those of a copy that does not count are unknown.
local function fields(account, names)
  local values = redis.call('HMGET', account, 'run', unpack(names))
  local counts = table.remove(values, 1) == run
  for i, name in ipairs(names) do
    if not counts then
      values[i] = told and string.sub(name, 1, 8) == 'service:' and told.services[string.sub(name, 9)] or false
    end
  end
  return values
end
"""


class ComparingScript(Script):
    """A script that compares generations; run it with `run_comparing`.

    It returns {'ask', subject, ids of endings...} before it has changed anything, where only SQL can say whether the
    account is still in the generation that is carried, or whether something of a former run of the server has ended.
    """

    __slots__ = ()

    def __init__(self, source: str) -> None:
        super().__init__(_COMPARE + source)


def run_comparing(script: ComparingScript, keys: Sequence[str], args: Sequence[str | bytes | int]) -> Any:
    """The script's answer, SQL being asked only where the copy does not say; raises what SQLAlchemy raises."""
    found = store().run(script, keys, (*args, ""))
    if isinstance(found, list) and found and found[0] == ASK:
        subject, *ids = (item.decode() for item in found[1:])
        found = store().run(script, keys, (*args, orjson.dumps(_told(subject, ids))))
    return found


def raise_generation(subject: str, proved: int | None = None, keeps: str = "") -> int:
    """Raises the account's generation in the unit of work that is open; the new one. Nothing of before counts from its
    commit on.

    With `proved`, the generation in which whoever asks for the change proved to be its owner, it is raised from that
    one only, and not while the account is locked: raises Outdated when another change came first. Sessions are worth
    nothing any more, and their services are told so; not those of the session `keeps`, which the caller signs in anew.
    """
    from_seen = Account.subject == subject
    if proved is not None:
        from_seen &= (Account.generation == proved) & (Account.state != LOCKED)
    with unit_of_work():
        touch(subject)
        db.session.flush()
        raised = update(Account).where(from_seen).values(generation=Account.generation + 1)
        statement = raised.returning(Account.generation).execution_options(synchronize_session=False)
        now: int | None = db.session.execute(statement).scalar_one_or_none()
        if now is None:
            raise Outdated
        for known in db.session.identity_map.values():
            if isinstance(known, Account) and known.subject == subject:
                db.session.expire(known, ["generation"])
        _end_sessions_after_commit(subject, now, keeps)
    return now


def _end_sessions_after_commit(subject: str, generation: int, keeps: str) -> None:
    ids = outbox.enqueue(OUTDATED_SESSIONS, [Draft(keeps, str(generation), subject)])
    unit = current_unit()
    assert unit is not None
    unit.after_commit(lambda: outbox.deliver(ids[0]))


def require(subject: str, proved: int) -> None:
    """Holds the account in the generation `proved` until the open unit of work commits; raises Outdated."""
    same = update(Account).where(Account.subject == subject, Account.generation == proved).values(generation=proved)
    if db.session.execute(same.execution_options(synchronize_session=False)).rowcount != 1:  # type: ignore[attr-defined]
        raise Outdated


def raise_service_generation(subject: str, client_id: str) -> None:
    """Ends whatever was issued to this service for the account, in the unit of work that is open."""
    with unit_of_work():
        touch(subject)
        connection = db.session.connection()
        first = inserting(connection, SERVICES).values(subject=subject, client_id=client_id, generation=1)
        again = {"generation": SERVICES.c.generation + 1}
        connection.execute(first.on_conflict_do_update(index_elements=["subject", "client_id"], set_=again))


def touch(subject: str) -> None:
    """Puts the account's copy out of force from just before the commit of the open unit until it is over."""
    unit = current_unit()
    if unit is None:
        forget(subject)
    elif unit.first(f"generation:{subject}"):
        _mark_around(unit, subject)


def _mark_around(unit: UnitOfWork, subject: str) -> None:
    mark, keys = crypto.random_token(8), (key(subject), _marks(subject))
    if db.session.connection().dialect.name == "postgresql":
        # A process that was frozen between mark and commit for longer than the mark lives commits nothing any more.
        db.session.execute(text("SET LOCAL idle_in_transaction_session_timeout = '60s'"))
    unit.before_commit(lambda: store().run(_MARK, keys, (mark, MARK_LIFE)))
    unit.after_commit(lambda: store().run(_LIFT, keys, (mark,)))
    unit.after_rollback(lambda: store().run(_LIFT, keys, (mark,)))


def forget(subject: str) -> None:
    """Drops the copy: the next reader asks SQL."""
    store().drop(key(subject))


def lease(subject: str) -> str | None:
    """The right to write the copy, to be asked for before SQL is read; None while the account is being changed."""
    given = store().run(_LEASE, (key(subject), _marks(subject)), (crypto.random_token(8), LIFE))
    return given.decode() if given else None


def keep(subject: str, leased: str | None, fields: dict[str, str | bytes]) -> None:
    """Writes fields of the copy, unless the account has changed since the lease was given."""
    if leased is not None:
        flat = [part for pair in fields.items() for part in pair]
        store().run(_COPY, (key(subject),), (leased, *flat))


def current(subject: str) -> int:
    """The account's generation in SQL; NOBODY when there is no such account."""
    found = db.session.execute(select(Account.generation).where(Account.subject == subject)).scalar_one_or_none()
    return NOBODY if found is None else found


# KEYS: account. ARGV: generation, subject.
_COUNTS = ComparingScript("""
local state = counts(KEYS[1], ARGV[1], {})
if state == 'ask' then return {'ask', ARGV[2]} end
return state == 'yes' and 1 or 0
""")

# KEYS: account. ARGV: subject, client.
_SERVICE = ComparingScript("""
local now, found = generations(KEYS[1], {{ARGV[2]}})
if not now then return {'ask', ARGV[1]} end
return found[1] or '0'
""")


def still_counts(subject: str, generation: int) -> bool:
    """Whether what was proved in this generation of the account still counts."""
    return bool(run_comparing(_COUNTS, (key(subject),), (generation, subject)))


def of_service(subject: str, client_id: str) -> int:
    """The generation of the connection between an account and a service: 0 until it is disconnected."""
    return int(run_comparing(_SERVICE, (key(subject),), (subject, client_id)))


def disconnections(subject: str) -> dict[str, int]:
    """How often the account disconnected each service, by client_id."""
    with db.engine.connect() as connection:
        rows = connection.execute(select(SERVICES.c.client_id, SERVICES.c.generation).where(SERVICES.c.subject == subject))
        return {row.client_id: row.generation for row in rows}


def service_field(client_id: str) -> str:
    """The field of the account's record that has the generation of its connection to a service."""
    return f"service:{client_id}"


def key(subject: str) -> str:
    """The account's record in the store."""
    return f"account:{{{crypto.hash_tag(subject)}}}:{subject}"


def _marks(subject: str) -> str:
    return f"changing:{{{crypto.hash_tag(subject)}}}:{subject}"


def _told(subject: str, ids: Iterable[str]) -> dict[str, Any]:
    """What SQL says, for a script: and a copy of it, unless the account is being changed."""
    told: dict[str, Any] = {"generation": NOBODY, "services": {}, "ended": endings.known(ids)}
    if not subject:
        return told
    leased = lease(subject)
    with db.engine.connect() as connection:
        rows = connection.execute(_READ, {"subject": subject}).all()
    if rows:
        told["generation"] = rows[0].generation
        told["services"] = {row.client_id: str(row.service) for row in rows if row.client_id is not None}
        fields: dict[str, str | bytes] = {service_field(c): n for c, n in told["services"].items()}
        keep(subject, leased, fields | {"generation": str(rows[0].generation)})
    return told


def _reading() -> Any:
    columns = Account.generation, ServiceGeneration.client_id, ServiceGeneration.generation.label("service")
    joined = select(*columns).select_from(Account).outerjoin(ServiceGeneration, ServiceGeneration.subject == Account.subject)
    return joined.where(Account.subject == bindparam("subject"))


_READ = _reading()  # built once: building a statement costs more than running it

__all__ = [
    "ComparingScript", "Outdated", "current", "disconnections", "forget", "keep", "key", "lease", "of_service",
    "raise_generation", "raise_service_generation", "require", "run_comparing", "service_field", "still_counts", "touch",
]  # fmt: skip
