"""Access tokens in the store, by digest, and the marks that end them."""

from dataclasses import dataclass, field
from typing import Any

import orjson
from authlib.oauth2.rfc6749 import TokenMixin

from idp.core import clock, crypto, lifetimes
from idp.oidc.tokens import revocation_marks, signing_keys
from idp.oidc.tokens.approvals import known_members
from idp.oidc.tokens.token_keys import hash_tag, is_bucketed, new_bucketed_token, token_key
from idp.storage.redis_store import Script, store

JWT_TYPE = "at+jwt"  # no other token of ours has it, so that none is mistaken for an access token (RFC 9068 section 2.1)
_JWT_BEGINNING = "eyJ"  # of every JWT; an opaque token begins with two hexadecimal digits
ACCESS_TOKEN_LIFE = lifetimes.ACCESS_TOKEN.seconds


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
    #: Of an exchanged token: client and time of issue of each token that it descends from, the first one first.
    came_from: tuple[tuple[str, int], ...] = ()

    @property
    def clients(self) -> set[str]:
        """Every client that this token depends on: its own, and those whose tokens it was exchanged for."""
        return {self.client_id, *(client_id for client_id, _ in self.came_from)}

    def check_client(self, client: Any) -> bool:
        """For Authlib: whether it was issued to this client."""
        return bool(self.client_id == client.get_client_id())

    def get_scope(self) -> str:
        """For Authlib: the scope of the token."""
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
for _, from in ipairs(t.came_from or {}) do
  local before = redis.call('GET', 'cut:' .. ARGV[1] .. ':' .. t.subject .. ':' .. from[1])
  if before and from[2] <= tonumber(before) then return nil end
end
if #ARGV == 1 then return {raw} end
return {raw, unpack(redis.call('HMGET', 'account:' .. ARGV[1] .. ':' .. t.subject, unpack(ARGV, 2)))}
""")


def new_access_token(owner: str) -> str:
    """A fresh opaque access token in the bucket of `owner`: the account's subject, or the client that acts for itself."""
    return new_bucketed_token(owner)


def save_access_token(token: str, record: AccessToken) -> bool:
    """Keeps an access token until it expires; False when account, session or family is over: then it is dead on arrival."""
    tag = hash_tag(token)
    marks = [f"ended:{tag}:{i}" for i in record.ends_with]
    keys = (token_key("access", token), f"blocked:{tag}:{record.subject}", *marks)
    life = max(1, record.expires_at - clock.timestamp())
    return bool(store().run(_WRITE_ACCESS, keys, (orjson.dumps(record), life)))


def find_access_token(token: str, *account_fields: str) -> tuple[AccessToken, tuple[bytes | None, ...]] | None:
    """A live access token's record and fields of its account's hash; None for anything else."""
    token = stored_name(token)
    if not is_bucketed(token):
        return None
    found = store().run(_READ_ACCESS, (token_key("access", token),), (hash_tag(token), *account_fields))
    if found is None:
        return None
    record = AccessToken(**known_members(AccessToken, orjson.loads(found[0])))
    return None if record.is_expired() else (record, tuple(found[1:]))


def revoke_access_token(token: str, subject: str = "") -> None:
    """Revokes one access token of this account (empty for a client's own), and whatever was exchanged for it."""
    token = stored_name(token)
    if not is_bucketed(token):
        return
    if subject:  # first, so that nothing more comes of it
        revocation_marks.mark_ended(subject, lineage_id(token))
    store().drop(token_key("access", token))


def lineage_id(token: str) -> str:
    """The id whose end is the end of all that was exchanged for this token."""
    return crypto.digest(stored_name(token))


def stored_name(token: str) -> str:
    """The name by which the store knows a token: itself, or the `jti` of a JWT that we signed as one; else empty."""
    if not token.startswith(_JWT_BEGINNING):
        return token
    stated = signing_keys.verify(token, JWT_TYPE) or {}
    name = stated.get("jti")
    return name if isinstance(name, str) else ""
