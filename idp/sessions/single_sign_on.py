"""Single sign-on sessions: established after a sign-in, found again by cookie, ended everywhere at once."""

from dataclasses import dataclass, field
from typing import Any

import orjson
from blinker import signal
from flask import g
from werkzeug.wrappers import Response

from idp.core import clock, crypto, lifetimes
from idp.core.values import Authentication
from idp.storage.redis_store import Script, store
from idp.web import cookies, requests

ENDED_LIFE = lifetimes.ENDED_SESSION.seconds

session_ended = signal("session-ended")
"""Sent with sid=, account= (subject), clients= (set of client ids) after a session has ended."""


@dataclass(frozen=True, slots=True)
class Session:
    """One browser's sign-in: `sid` goes into ID tokens, the cookie's secret nowhere."""

    sid: str
    authentication: Authentication
    created_at: int
    extras: tuple[bytes | None, ...] = field(default=(), repr=False)

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


# One step of thought: is this session alive, is its account not blocked, and what of the account's record do we need.
# KEYS: session. ARGV: secret digest, now, idle, absolute, bucket, then fields of the account's hash.
_CURRENT = Script("""
local s = redis.call('HMGET', KEYS[1], 'secret', 'account', 'created', 'seen', 'data')
if not s[1] or s[1] ~= ARGV[1] then return nil end
local now = tonumber(ARGV[2])
if now - tonumber(s[4]) > tonumber(ARGV[3]) or now - tonumber(s[3]) > tonumber(ARGV[4]) then return nil end
if redis.call('EXISTS', 'blocked:{' .. ARGV[5] .. '}:' .. s[2]) == 1 then return nil end
if now - tonumber(s[4]) > 20 then redis.call('HSET', KEYS[1], 'seen', now) end
if #ARGV == 5 then return {s[5]} end
local extras = redis.call('HMGET', 'account:{' .. ARGV[5] .. '}:' .. s[2], unpack(ARGV, 6))
return {s[5], unpack(extras)}
""")

# KEYS: session, clients of the session, tombstone. ARGV: life of the tombstone, bucket, sid.
_END = Script("""
local account = redis.call('HGET', KEYS[1], 'account')
if not account then return nil end
local clients = redis.call('SMEMBERS', KEYS[2])
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('SET', KEYS[3], '1', 'EX', ARGV[1])
redis.call('SREM', 'sessions:{' .. ARGV[2] .. '}:' .. account, ARGV[3])
return {account, unpack(clients)}
""")


def current(*fields: str) -> Session | None:
    """This request's session, or None; with `fields` of the account's hash in `extras`; slides the idle limit."""
    sid, _, secret = cookies.SESSION.read().partition(".")
    if not secret or len(sid) > 64 or not sid.isascii():
        return None
    tag = sid[:2]
    idle, absolute = lifetimes.SESSION_UNUSED.seconds, lifetimes.SESSION.seconds
    arguments: tuple[str | int, ...] = (crypto.digest(secret), clock.timestamp(), idle, absolute, tag, *fields)
    found = store().run(_CURRENT, (_key("session", sid),), arguments)
    if found is None:
        return None
    return _session(sid, orjson.loads(found[0]), tuple(found[1:]))


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


def end(sid: str) -> bool:
    """Ends one session, its tokens with it, and tells who listens to `session_ended`; False when it was over already."""
    keys = (_key("session", sid), _key("session-clients", sid), _key("ended", sid))
    found = store().run(_END, keys, (ENDED_LIFE, sid[:2], sid))
    if found is None:
        return False
    account, *clients = (item.decode() for item in found)
    session_ended.send(sid=sid, account=account, clients=set(clients))
    return True


def end_all(subject: str, except_sid: str | None = None) -> int:
    """Ends every session of an account but `keep`; how many ended."""
    return sum(end(sid) for sid in store().members(_account_key(subject)) if sid != except_sid)


def of_account(subject: str) -> list[dict[str, Any]]:
    """The live sessions of an account: sid, created and seen (epoch seconds), device; those gone are forgotten here."""
    alive = []
    for sid in sorted(store().members(_account_key(subject))):
        created, seen, device = store().fields(_key("session", sid), "created", "seen", "device")
        if created is None or seen is None:
            store().remove(_account_key(subject), sid)
            continue
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
        "created": str(session.created_at),
        "seen": str(clock.timestamp()),
        "device": requests.device_name(),
        "data": orjson.dumps(session.authentication.to_dict() | {"created": session.created_at}),
    }
    store().put_fields(_key("session", session.sid), values, life)
    store().add(f"sessions:{{{tag}}}:{session.account}", session.sid, life)


def _session(sid: str, data: dict[str, Any], extras: tuple[bytes | None, ...]) -> Session:
    return Session(sid, Authentication.from_dict(data), data["created"], extras)


def _key(kind: str, sid: str) -> str:
    return f"{kind}:{{{sid[:2]}}}:{sid}"


def _account_key(subject: str) -> str:
    return f"sessions:{{{crypto.hash_tag(subject)}}}:{subject}"
