"""Access tokens in the store, by digest, and the marks that end them."""

from dataclasses import dataclass, field
from typing import Any

import orjson
from authlib.oauth2.rfc6749 import TokenMixin

from idp.accounts import generations
from idp.accounts.generations import ComparingScript
from idp.core import clock, crypto, lifetimes
from idp.oidc.tokens import revocation_marks, signing_keys
from idp.oidc.tokens.approvals import known_members
from idp.oidc.tokens.token_keys import hash_tag, is_bucketed, new_bucketed_token, token_key
from idp.storage.redis_store import store

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
    authorization_details: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    #: The account's generation, and that of its connection to the client, under which it was issued.
    generation: int = 0
    service: int = 0
    #: Of an exchanged token: client and its connection's generation of each token that it descends from, the first first.
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


# KEYS: access token, account, ids whose mark ends it. ARGV: record, life, subject, generation, services and theirs as JSON.
_WRITE_ACCESS = ComparingScript("""
if ARGV[3] ~= '' then
  local state = counts(KEYS[2], ARGV[4], cjson.decode(ARGV[5]))
  if state == 'ask' then return {'ask', ARGV[3]} end
  if state == 'no' then return 0 end
end
redis.call('SET', KEYS[1], run .. ARGV[1], 'EX', ARGV[2])
if #KEYS > 2 and redis.call('EXISTS', unpack(KEYS, 3)) > 0 then return 0 end
return 1
""")

# KEYS: access token. ARGV: tag, its lineage, then fields of the account's hash.
_READ_ACCESS = ComparingScript("""
local raw = redis.call('GET', KEYS[1])
if not raw then return nil end
local record = string.sub(raw, 41)
local t = cjson.decode(record)
local services = t.came_from or {}
table.insert(services, {t.client_id, t.service})
for _, id in ipairs(t.ends_with) do
  if redis.call('EXISTS', 'ended:' .. ARGV[1] .. ':' .. id) == 1 then return nil end
end
local account = 'account:' .. ARGV[1] .. ':' .. t.subject
local state = t.subject == '' and 'yes' or counts(account, t.generation, services)
local former = string.sub(raw, 1, 40) ~= run
if state == 'ask' or (former and not told) then return {'ask', t.subject, ARGV[2], unpack(t.ends_with)} end
if state == 'no' then return nil end
if former then
  if ended_before() then return nil end
  redis.call('SET', KEYS[1], run .. record, 'KEEPTTL')
end
if #ARGV == 2 then return {record} end
return {record, unpack(fields(account, {unpack(ARGV, 3)}))}
""")


def new_access_token(owner: str) -> str:
    """A fresh opaque access token in the bucket of `owner`: the account's subject, or the client that acts for itself."""
    return new_bucketed_token(owner)


def save_access_token(token: str, record: AccessToken) -> bool:
    """Keeps an access token until it expires; False when what it came from is worth nothing any more: the account has
    changed, the service was disconnected, or session or family is over. Then it is dead on arrival."""
    tag = hash_tag(token)
    marks = [f"ended:{tag}:{i}" for i in record.ends_with]
    keys = (token_key("access", token), f"account:{tag}:{record.subject}", *marks)
    life = max(1, record.expires_at - clock.timestamp())
    services = orjson.dumps([*record.came_from, (record.client_id, record.service)])
    arguments = (orjson.dumps(record), life, record.subject, record.generation, services)
    return bool(generations.run_comparing(_WRITE_ACCESS, keys, arguments))


def find_access_token(token: str, *account_fields: str) -> tuple[AccessToken, tuple[bytes | None, ...]] | None:
    """A live access token's record and fields of its account's hash; None for anything else."""
    token = stored_name(token)
    if not is_bucketed(token):
        return None
    arguments = (hash_tag(token), lineage_id(token), *account_fields)
    found = generations.run_comparing(_READ_ACCESS, (token_key("access", token),), arguments)
    if found is None:
        return None
    record = AccessToken(**known_members(AccessToken, orjson.loads(found[0])))
    return None if record.is_expired() else (record, tuple(found[1:]))


def revoke_access_token(token: str, subject: str = "") -> None:
    """Revokes one access token of this account (empty for a client's own), and whatever was exchanged for it."""
    token = stored_name(token)
    if not is_bucketed(token):
        return
    # First, so that nothing more comes of it.
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
