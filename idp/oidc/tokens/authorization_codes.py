"""Authorization codes in the store, by digest: written once, taken once, each change of state one atomic step."""

from dataclasses import dataclass, replace

import orjson
from authlib.oauth2.rfc6749 import AuthorizationCodeMixin

from idp.accounts import generations
from idp.accounts.generations import ComparingScript
from idp.core import clock, crypto, lifetimes
from idp.oidc.tokens.approvals import Approval, known_members
from idp.oidc.tokens.revocation_marks import REVOCATION_LIFE
from idp.oidc.tokens.service_use import SERVICE_USE_LIFE, services_key
from idp.oidc.tokens.token_keys import hash_tag, is_bucketed, new_bucketed_token, token_key
from idp.storage.redis_store import Script, store

CODE_LIFE = lifetimes.AUTHORIZATION_CODE.seconds


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


# KEYS: code, clients of the session, services of the account. ARGV: record, life, client, life of a session, now, life of use.
_WRITE_CODE = Script("""
redis.call('SET', KEYS[1], run .. ARGV[1], 'EX', ARGV[2])
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
# A code of another client stays for its owner. One of an earlier generation or of an ended session gives nothing, nor one
# from before the server failed over, which may have been used: fails closed.
_TAKE_CODE = ComparingScript("""
local raw = redis.call('GET', KEYS[1])
if not raw then
  if redis.call('EXISTS', KEYS[2]) == 0 then return nil end
  redis.call('SET', KEYS[3], '1', 'EX', ARGV[3])
  return 'used'
end
local kept = string.sub(raw, 41)
local approval = cjson.decode(kept).approval
if approval.client_id ~= ARGV[1] or string.sub(raw, 1, 40) ~= run then return nil end
local account = 'account:' .. ARGV[2] .. ':' .. approval.subject
local state = counts(account, approval.generation, {{approval.client_id, approval.service}})
if state == 'ask' then return {'ask', approval.subject} end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[2], '1', 'EX', ARGV[3])
if state == 'no' or redis.call('EXISTS', 'ended:' .. ARGV[2] .. ':' .. approval.sid) == 1 then return nil end
return kept
""")


class CodeReused(Exception):
    """The code was presented before: everything issued from it is dead; `family` says whose refresh tokens too."""

    def __init__(self, family: str) -> None:
        super().__init__("code reused")
        self.family = family


def new_code(subject: str) -> str:
    return new_bucketed_token(subject)


def family_id(code: str) -> str:
    """The id of the family of tokens that will come from this code: known before anything is issued, so that it can end."""
    return crypto.digest(code)


def save_code(code: str, record: AuthorizationCode, session_life: int) -> None:
    """Keeps a code for 60 s and notes the client in the session's list, which logout will tell."""
    sid, client_id, now = record.approval.sid, record.approval.client_id, clock.timestamp()
    keys = (token_key("code", code), f"session-clients:{hash_tag(code)}:{sid}", services_key(record.approval.subject))
    kept = orjson.dumps(replace(record, issued_at=now))
    store().run(_WRITE_CODE, keys, (kept, CODE_LIFE, client_id if sid else "", session_life, now, client_id, SERVICE_USE_LIFE))


def take_code(code: str, client_id: str) -> AuthorizationCode | None:
    """The code's record, once; None when unknown, expired, another client's or from before a change; raises CodeReused."""
    if not is_bucketed(code):
        return None
    family = family_id(code)
    keys = (token_key("code", code), token_key("used", code), f"ended:{hash_tag(code)}:{family}")
    raw = generations.run_comparing(_TAKE_CODE, keys, (client_id, hash_tag(code), REVOCATION_LIFE))
    if raw == b"used":
        raise CodeReused(family)
    if raw is None:
        return None
    data = orjson.loads(raw)
    record = AuthorizationCode(**known_members(AuthorizationCode, data) | {"approval": Approval.load(data["approval"])})
    # Expiry is data; the store's own only sweeps.
    return record if clock.timestamp() < record.issued_at + CODE_LIFE else None
