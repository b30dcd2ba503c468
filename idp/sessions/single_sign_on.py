"""Single sign-on sessions: established after a sign-in, found again by cookie, ended everywhere at once."""

from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from blinker import signal
from flask import g
from werkzeug.wrappers import Response

from idp.accounts import generations
from idp.accounts.generations import ComparingScript
from idp.core import clock, crypto, lifetimes
from idp.core.values import Authentication
from idp.storage import endings, outbox
from idp.storage.outbox import SENT, ClaimedMessage, MessageKind, Outcome
from idp.storage.redis_store import Script, store
from idp.storage.unit_of_work import unit_of_work
from idp.web import cookies, requests

ENDED_LIFE = lifetimes.ENDED_SESSION.seconds

session_ended = signal("session-ended")
"""Sent with sid=, account= (subject), clients= (set of client ids) in the unit of work that ends a session."""


@dataclass(frozen=True, slots=True)
class Session:
    """One browser's sign-in: `sid` goes into ID tokens, the cookie's secret nowhere."""

    sid: str
    authentication: Authentication
    created_at: int
    extras: dict[str, bytes | None] = field(default_factory=dict, repr=False)

    @property
    def account(self) -> str:
        """Subject of the account that is signed in."""
        return self.authentication.account


@dataclass(frozen=True, slots=True)
class SessionExpiry:
    """When a session ends: `idle` if nobody uses it, `latest` in any case. Epoch seconds."""

    idle: int
    latest: int

    @property
    def at(self) -> int:
        """The end of the session in epoch seconds: idle or absolute, whichever comes first."""
        return min(self.idle, self.latest)


# One step of thought: is this session alive, in the account's generation, and what of the account's record do we need.
# KEYS: session. ARGV: secret digest, now, idle, absolute, bucket, sid, then fields of the account's hash.
_CURRENT = ComparingScript("""
local s = redis.call('HMGET', KEYS[1], 'secret', 'account', 'created', 'seen', 'data', 'generation', 'run')
if not s[1] or s[1] ~= ARGV[1] then return nil end
local now = tonumber(ARGV[2])
if now - tonumber(s[4]) > tonumber(ARGV[3]) or now - tonumber(s[3]) > tonumber(ARGV[4]) then return nil end
local account = 'account:{' .. ARGV[5] .. '}:' .. s[2]
local state = counts(account, s[6], {})
if state == 'ask' or (s[7] ~= run and not told) then return {'ask', s[2], ARGV[6]} end
if state == 'no' then return nil end
if s[7] ~= run then
  if ended_before() then return nil end
  redis.call('HSET', KEYS[1], 'run', run)
end
if now - tonumber(s[4]) > 20 then redis.call('HSET', KEYS[1], 'seen', now) end
if #ARGV == 6 then return {s[5]} end
return {s[5], unpack(fields(account, {unpack(ARGV, 7)}))}
""")

# KEYS: session. ARGV: what it says. It is written whole, under the run of the server that keeps it.
_WRITE = Script("""
redis.call('HSET', KEYS[1], 'run', run, unpack(ARGV, 2))
redis.call('EXPIRE', KEYS[1], ARGV[1])
""")

# KEYS: session, clients of the session, tombstone. ARGV: life of the tombstone, bucket, sid.
_END = Script("""
local account = redis.call('HGET', KEYS[1], 'account')
if not account then return nil end
local clients = redis.call('SMEMBERS', KEYS[2])
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('SET', KEYS[3], '1', 'EX', ARGV[1])
redis.call('SREM', 'sessions:{' .. ARGV[2] .. '}:' .. account, ARGV[3])
return clients
""")


def current(*fields: str) -> Session | None:
    """This request's session, or None; with `fields` of the account's hash in `extras`; slides the idle limit."""
    sid, _, secret = cookies.SESSION.read().partition(".")
    if not secret or len(sid) > 64 or not sid.isascii():
        return None
    tag = sid[:2]
    idle, absolute = lifetimes.SESSION_UNUSED.seconds, lifetimes.SESSION.seconds
    arguments: tuple[str | int, ...] = (crypto.digest(secret), clock.timestamp(), idle, absolute, tag, sid, *fields)
    found = generations.run_comparing(_CURRENT, (_key("session", sid),), arguments)
    if found is None:
        return None
    return _session(sid, orjson.loads(found[0]), dict(zip(fields, found[1:], strict=True)))


def establish(authentication: Authentication, response: Response, replaces: Session | None = None) -> Session:
    """Signs this browser in and sets its cookie, always with a new secret: whoever knew the old cookie has nothing.

    The same account keeps its `sid` (the services that know it are still told of the logout); another account's
    session in this browser is ended. A second factor alone lengthens no session: it began when the first was given.
    """
    same = replaces is not None and replaces.account == authentication.account
    if replaces is not None and not same:
        end(replaces.sid)
    tag = crypto.hash_tag(authentication.account)
    sid = replaces.sid if replaces is not None and same else tag + crypto.random_token(16)
    secret = crypto.random_token()
    stepped_up = replaces if replaces and same and replaces.authentication.auth_time == authentication.auth_time else None
    session = Session(sid, authentication, stepped_up.created_at if stepped_up else clock.timestamp())
    _write(session, secret, tag)
    cookies.set_cookie(response, cookies.SESSION, f"{sid}.{secret}")
    g.established = session
    return session


def reissue(session: Session, generation: int, response: Response) -> Session:
    """Lets this browser's session go on after its owner's own change, which raised the generation, under a new secret."""
    return establish(replace(session.authentication, generation=generation), response, replaces=session)


def deliver_due() -> int:
    """Ends the sessions of earlier generations that a crash has left; how many messages about them were looked at."""
    return outbox.deliver_due(generations.OUTDATED_SESSIONS)


def end(sid: str) -> bool:
    """Ends one session, its tokens with it, and tells who listens to `session_ended`; False when it was over already.

    First in SQL, together with the notices to its services: a crash in between leaves a session that can be ended again,
    and a store that forgets its last second brings none back.
    """
    (account,) = store().fields(_key("session", sid), "account")
    if account is None:
        return False
    with unit_of_work():
        if endings.note(sid):
            session_ended.send(sid=sid, account=account.decode(), clients=clients_of(sid))
    return _end_in_store(sid) is not None


def _end_in_store(sid: str) -> set[str] | None:
    keys = (_key("session", sid), _key("session-clients", sid), _key("ended", sid))
    found = store().run(_END, keys, (ENDED_LIFE, sid[:2], sid))
    return None if found is None else {item.decode() for item in found}


def end_all(subject: str, except_sid: str | None = None) -> int:
    """Ends every session of an account but `except_sid`; how many ended."""
    return sum(end(sid) for sid in store().members(_account_key(subject)) if sid != except_sid)


def end_outdated(subject: str, generation: int, except_sid: str = "") -> int:
    """Ends the sessions of an account that are of an earlier generation: they are worth nothing already, and their
    services are told. How many ended."""
    known = {sid: _generation_of(sid) for sid in store().members(_account_key(subject)) if sid != except_sid}
    return sum(end(sid) for sid, carried in known.items() if carried is not None and carried < generation)


def _generation_of(sid: str) -> int | None:
    account, carried = store().fields(_key("session", sid), "account", "generation")
    return int(carried or 0) if account is not None else None


def of_account(subject: str) -> list[dict[str, Any]]:
    """The live sessions of an account: sid, created and seen (epoch seconds), device; those gone are forgotten here."""
    alive, generation = [], generations.current(subject)
    for sid in sorted(store().members(_account_key(subject))):
        names = ("created", "seen", "device", "generation")
        created, seen, device, carried = store().fields(_key("session", sid), *names)
        if created is None or seen is None:
            store().remove(_account_key(subject), sid)
        elif int(carried or 0) == generation:
            alive.append({"sid": sid, "created": int(created), "seen": int(seen), "device": (device or b"").decode()})
    return alive


def current_expiry() -> SessionExpiry | None:
    """When this request's session ends; looking is no use of it. None when nobody is signed in."""
    sid, _, secret = cookies.SESSION.read().partition(".")
    if not secret or len(sid) > 64 or not sid.isascii():
        return None
    known, seen, created = store().fields(_key("session", sid), "secret", "seen", "created")
    if known is None or seen is None or created is None or not crypto.constant_time_equal(known.decode(), crypto.digest(secret)):
        return None
    end = SessionExpiry(int(seen) + lifetimes.SESSION_UNUSED.seconds, int(created) + lifetimes.SESSION.seconds)
    return end if end.at >= clock.timestamp() else None


def clients_of(sid: str) -> set[str]:
    """The services that were signed in to with this session."""
    return store().members(_key("session-clients", sid))


def forget_client(sid: str, client_id: str) -> bool:
    """From now on the session has nothing to do with this service; False when it had not."""
    return store().remove(_key("session-clients", sid), client_id)


def delete_cookie(response: Response) -> None:
    """Takes the session's cookie out of the browser."""
    cookies.delete_cookie(response, cookies.SESSION)


def _write(session: Session, secret: str, tag: str) -> None:
    life = lifetimes.SESSION.seconds
    values: dict[str, str | bytes] = {
        "secret": crypto.digest(secret),
        "account": session.account,
        "generation": str(session.authentication.generation),
        "created": str(session.created_at),
        "seen": str(clock.timestamp()),
        "device": requests.device_name(),
        "data": orjson.dumps(session.authentication.to_dict() | {"created": session.created_at}),
    }
    flat = [part for pair in values.items() for part in pair]
    store().run(_WRITE, (_key("session", session.sid),), (life, *flat))
    store().add(f"sessions:{{{tag}}}:{session.account}", session.sid, life)


def _session(sid: str, data: dict[str, Any], extras: dict[str, bytes | None]) -> Session:
    return Session(sid, Authentication.from_dict(data), data["created"], extras)


def _key(kind: str, sid: str) -> str:
    return f"{kind}:{{{sid[:2]}}}:{sid}"


def _account_key(subject: str) -> str:
    return f"sessions:{{{crypto.hash_tag(subject)}}}:{subject}"


def _end_outdated(message: ClaimedMessage) -> Outcome:
    # Should a failover have lost the mark of the change and a crash what follows its commit: no older copy stays.
    generations.forget(message.account or "")
    ended = end_outdated(message.account or "", int(message.destination), message.about)
    return Outcome(SENT, str(ended))


# What is left to do after a change that raised the generation, kept in its transaction: the services of every session that
# is worth nothing any more are told. `destination` is the new generation, `about` the session that goes on.
MESSAGES = MessageKind(generations.OUTDATED_SESSIONS, _end_outdated, lease=60, back_off=(5, 30, 120, 600), give_up_after=86400)
