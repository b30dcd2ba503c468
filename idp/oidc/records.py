"""What the protocol keeps in the store: codes and access tokens, by digest, each change of state one atomic step.

Every key of one account shares the account's bucket, and codes, access tokens and session ids begin with it: one look
at a token finds the slot, one script does one step of thought. `ended:{bucket}:<id>` marks a session, a family of tokens
or a remembered grant as over; what was issued under it is dead from then on, wherever it is.
"""

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

import orjson
from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, TokenMixin

from idp import clock, sessions, tokens
from idp.oidc import access_jwts
from idp.store import Script, store

CODE_LIFE = 60  # seconds (FAPI 2.0 security profile, section 5.3.2.1: at most 60)
ACCESS_LIFE = 600
USE_LIFE = 90 * 86400  # seconds that an account's services are remembered without any of them being used
MARK_LIFE = sessions.ENDED_LIFE  # longer than any access token lives


@dataclass(frozen=True, slots=True)
class Approval:
    """What was approved at the authorization endpoint: by whom, for which client, how surely; tokens are issued from it."""

    subject: str
    client_id: str
    scope: str
    auth_time: int
    acr: str
    amr: tuple[str, ...]
    sid: str
    family: str
    grant: str = ""
    nonce: str = field(default="", repr=False)
    claims: dict[str, Any] = field(default_factory=dict, repr=False)
    resources: tuple[str, ...] = ()
    recovered_at: int = 0

    @property
    def offline(self) -> bool:
        """Whether the tokens outlive the session (OpenID Connect Core section 11)."""
        return "offline_access" in self.scope.split()

    @property
    def ends_with(self) -> list[str]:
        """Ids whose end is the end of every token issued from this."""
        return [i for i in ("" if self.offline else self.sid, self.family, self.grant) if i]

    @classmethod
    def load(cls, data: dict[str, Any]) -> Self:
        """From the store's JSON; a member that this version does not know is left out."""
        return cls(**_known(cls, data))


@dataclass(frozen=True, slots=True)
class AuthorizationCode(AuthorizationCodeMixin):
    """A code's record: the approval and what its redemption must match."""

    approval: Approval
    redirect_uri: str
    challenge: str = ""
    bound_key: str = ""
    issued_at: int = 0

    def get_redirect_uri(self) -> str:
        """For Authlib: the redirect URI of the authorization request."""
        return self.redirect_uri

    def get_scope(self) -> str:
        """For Authlib: the approved scope."""
        return self.approval.scope


@dataclass(frozen=True, slots=True)
class AccessToken(TokenMixin):
    """An access token's record; `subject` is empty when a client acts for itself."""

    client_id: str
    scope: str
    issued_at: int
    expires_at: int
    subject: str = ""
    sid: str = ""
    ends_with: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()
    claims: dict[str, Any] = field(default_factory=dict, repr=False)
    confirmation: dict[str, str] = field(default_factory=dict, repr=False)
    acr: str = ""
    auth_time: int = 0
    amr: tuple[str, ...] = ()
    actor: dict[str, Any] = field(default_factory=dict)

    def check_client(self, client: Any) -> bool:
        """For Authlib: whether it was issued to this client."""
        return bool(self.client_id == client.get_client_id())

    def get_scope(self) -> str:
        """For Authlib."""
        return self.scope

    def get_expires_in(self) -> int:
        """For Authlib: seconds it lives in all."""
        return self.expires_at - self.issued_at

    def is_expired(self) -> bool:
        """Expiry is data; the store's own only sweeps."""
        return clock.timestamp() >= self.expires_at

    def is_revoked(self) -> bool:
        """For Authlib; one that was revoked is not found."""
        return False


# KEYS: code, clients of the session, services of the account. ARGV: record, life, client, life of a session, now, life of use.
_WRITE_CODE = Script("""
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
redis.call('HSETNX', KEYS[3], 'first:' .. ARGV[6], ARGV[5])
redis.call('HSET', KEYS[3], 'last:' .. ARGV[6], ARGV[5])
redis.call('EXPIRE', KEYS[3], ARGV[7])
if ARGV[3] ~= '' then
  redis.call('SADD', KEYS[2], ARGV[3])
  redis.call('EXPIRE', KEYS[2], ARGV[4])
end
return 1
""")

# KEYS: code, its tombstone, mark of its family. ARGV: client, tag, life of tombstone and mark.
# A second presentation, even one that races the first, ends whatever the code was good for (RFC 6749 section 4.1.2).
# A code of another client stays for its owner. Someone locked or signed out meanwhile gets nothing: fails closed.
_TAKE_CODE = Script("""
local raw = redis.call('GET', KEYS[1])
if not raw then
  if redis.call('EXISTS', KEYS[2]) == 0 then return nil end
  redis.call('SET', KEYS[3], '1', 'EX', ARGV[3])
  return 'used'
end
local record = cjson.decode(raw)
local approval = record.approval
if approval.client_id ~= ARGV[1] then return nil end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[2], '1', 'EX', ARGV[3])
if redis.call('EXISTS', 'blocked:' .. ARGV[2] .. ':' .. approval.subject) == 1 then return nil end
if redis.call('EXISTS', 'ended:' .. ARGV[2] .. ':' .. approval.sid) == 1 then return nil end
local cut = redis.call('GET', 'cut:' .. ARGV[2] .. ':' .. approval.subject .. ':' .. approval.client_id)
if cut and (record.issued_at or 0) <= tonumber(cut) then return nil end
return raw
""")

# KEYS: access token, block of the account, ids whose mark kills it. ARGV: record, life.
_WRITE_ACCESS = Script("""
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
if #KEYS > 2 and redis.call('EXISTS', unpack(KEYS, 3)) > 0 then return 0 end
return 1
""")

# KEYS: access token. ARGV: tag, then fields of the account's hash.
_READ_ACCESS = Script("""
local raw = redis.call('GET', KEYS[1])
if not raw then return nil end
local t = cjson.decode(raw)
for _, id in ipairs(t.ends_with) do
  if redis.call('EXISTS', 'ended:' .. ARGV[1] .. ':' .. id) == 1 then return nil end
end
if redis.call('EXISTS', 'blocked:' .. ARGV[1] .. ':' .. t.subject) == 1 then return nil end
local cut = redis.call('GET', 'cut:' .. ARGV[1] .. ':' .. t.subject .. ':' .. t.client_id)
if cut and t.issued_at <= tonumber(cut) then return nil end
if #ARGV == 1 then return {raw} end
return {raw, unpack(redis.call('HMGET', 'account:' .. ARGV[1] .. ':' .. t.subject, unpack(ARGV, 2)))}
""")


class CodeReused(Exception):
    """The code was presented before: everything issued from it is dead; `family` says whose refresh tokens too."""

    def __init__(self, family: str) -> None:
        super().__init__("code reused")
        self.family = family


def new_code(subject: str) -> str:
    """A fresh authorization code."""
    return tokens.bucket(subject) + tokens.random_token()


def family_of(code: str) -> str:
    """The id of the family of tokens that will come from this code: known before anything is issued, so that it can end."""
    return tokens.digest(code)


def write_code(code: str, record: AuthorizationCode, session_life: int) -> None:
    """Keeps a code for 60 s and notes the client in the session's list, which logout will tell."""
    sid, client_id, now = record.approval.sid, record.approval.client_id, clock.timestamp()
    keys = (_key("code", code), f"session-clients:{_tag(code)}:{sid}", _services(record.approval.subject))
    kept = orjson.dumps(replace(record, issued_at=now))
    store().run(_WRITE_CODE, keys, (kept, CODE_LIFE, client_id if sid else "", session_life, now, client_id, USE_LIFE))


def used_by(subject: str) -> dict[str, tuple[int, int]]:
    """Services that the account has signed in to within 90 days: first and last time (epoch seconds)."""
    known = store().all_fields(_services(subject))
    last = {name.removeprefix("last:"): int(value) for name, value in known.items() if name.startswith("last:")}
    return {client_id: (int(known.get(f"first:{client_id}", at)), at) for client_id, at in last.items()}


def forget_use(subject: str) -> None:
    """Forgets which services the account used."""
    store().drop(_services(subject))


def cut(subject: str, client_id: str) -> None:
    """Ends every code and access token of one service for this account, and forgets that it was used."""
    store().put(f"cut:{{{tokens.bucket(subject)}}}:{subject}:{client_id}", str(clock.timestamp()), MARK_LIFE)
    store().drop_fields(_services(subject), f"first:{client_id}", f"last:{client_id}")


def note_client(approval: Approval, session_life: int) -> None:
    """Notes a client that got tokens without a code in the session's list, which logout will tell."""
    tag = f"{{{tokens.bucket(approval.subject)}}}"
    store().add(f"session-clients:{tag}:{approval.sid}", approval.client_id, session_life)


def take_code(code: str, client_id: str) -> AuthorizationCode | None:
    """The code's record, once; None when unknown, expired, another client's or of a blocked account; raises CodeReused."""
    if not _bucketed(code):
        return None
    family = family_of(code)
    keys = (_key("code", code), _key("used", code), f"ended:{_tag(code)}:{family}")
    raw = store().run(_TAKE_CODE, keys, (client_id, _tag(code), MARK_LIFE))
    if raw == b"used":
        raise CodeReused(family)
    if raw is None:
        return None
    data = orjson.loads(raw)
    return AuthorizationCode(**_known(AuthorizationCode, data) | {"approval": Approval.load(data["approval"])})


def new_access_token(owner: str) -> str:
    """A fresh opaque access token in the bucket of `owner`: the account's subject, or the client that acts for itself."""
    return tokens.bucket(owner) + tokens.random_token()


def write_access(token: str, record: AccessToken) -> bool:
    """Keeps an access token until it expires; False when account, session or family is over: then it is dead on arrival."""
    tag = _tag(token)
    marks = [f"ended:{tag}:{i}" for i in record.ends_with]
    keys = (_key("access", token), f"blocked:{tag}:{record.subject}", *marks)
    life = max(1, record.expires_at - clock.timestamp())
    return bool(store().run(_WRITE_ACCESS, keys, (orjson.dumps(record), life)))


def read_access(token: str, *account_fields: str) -> tuple[AccessToken, tuple[bytes | None, ...]] | None:
    """A live access token's record and fields of its account's hash; None for anything else."""
    token = access_jwts.name_of(token)
    if not _bucketed(token):
        return None
    found = store().run(_READ_ACCESS, (_key("access", token),), (_tag(token), *account_fields))
    if found is None:
        return None
    record = AccessToken(**_known(AccessToken, orjson.loads(found[0])))
    return None if record.is_expired() else (record, tuple(found[1:]))


def drop_access(token: str) -> None:
    """Revokes one access token."""
    token = access_jwts.name_of(token)
    if _bucketed(token):
        store().drop(_key("access", token))


def mark_ended(subject: str, ended: str) -> None:
    """Ends a family or a remembered grant of this account: no access token issued under it works from now on."""
    store().put(f"ended:{{{tokens.bucket(subject)}}}:{ended}", "1", MARK_LIFE)


def as_json(approval: Approval) -> str:
    """For a column of text."""
    return orjson.dumps(asdict(approval)).decode()


def _known(cls: Any, data: dict[str, Any]) -> dict[str, Any]:
    known = cls.__dataclass_fields__
    return {k: tuple(v) if isinstance(v, list) else v for k, v in data.items() if k in known}


def _bucketed(token: str) -> bool:
    return 40 <= len(token) <= 64 and token.isascii() and all(c in "0123456789abcdef" for c in token[:2])


def _services(subject: str) -> str:
    return f"services:{{{tokens.bucket(subject)}}}:{subject}"


def _tag(token: str) -> str:
    return f"{{{token[:2]}}}"


def _key(kind: str, token: str) -> str:
    return f"{kind}:{_tag(token)}:{tokens.digest(token)}"
