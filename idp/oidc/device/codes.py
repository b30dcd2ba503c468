"""Device codes in the store (RFC 8628): waiting, then allowed or denied once, then taken once by the device's poll.

A record is a hash named after the digest of its device code, which is its id; the user code leads to that id.
"""

from dataclasses import dataclass
from typing import Literal

import orjson

from idp.core import clock, crypto, lifetimes
from idp.oidc.tokens import approvals
from idp.oidc.tokens.approvals import Approval
from idp.storage.redis_store import Script, store

LIFE = lifetimes.DEVICE_CODE.seconds
POLL_INTERVAL = (
    lifetimes.DEVICE_POLL.seconds
)  # seconds between two polls, and what a hasty poll adds to them (RFC 8628 section 3.5)
SWEEP_AFTER = lifetimes.DEVICE_CODE_TRACE.seconds
USER_CODE_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels, so no words; no digits that look like letters (section 6.1)
USER_CODE_LENGTH = 8

PollError = Literal["unknown", "expired_token", "authorization_pending", "slow_down", "access_denied"]


@dataclass(frozen=True, slots=True)
class PendingDevice:
    """A device's request that nobody has decided yet; `id` opens nothing by itself."""

    id: str
    client_id: str
    scope: str
    resource: str


@dataclass(frozen=True, slots=True)
class IssuedCodes:
    """What the device is told."""

    device_code: str
    user_code: str


# KEYS: device. ARGV: now, state, approval. Decided once, and only while it waits: of two that say yes, one is heard.
_DECIDE = Script("""
local d = redis.call('HMGET', KEYS[1], 'state', 'expires')
if d[1] ~= 'waiting' or tonumber(ARGV[1]) >= tonumber(d[2]) then return 0 end
redis.call('HSET', KEYS[1], 'state', ARGV[2], 'approval', ARGV[3], 'run', run)
return 1
""")

# KEYS: device. ARGV: client, now, interval. The device code is taken in the step that finds it allowed: exactly once.
# What was allowed before the server failed over may have been taken: it has expired.
_POLL = Script("""
local d = redis.call('HMGET', KEYS[1], 'client', 'state', 'expires', 'polled', 'interval', 'approval', 'run')
local now = tonumber(ARGV[2])
if not d[1] or d[1] ~= ARGV[1] then return 'unknown' end
if now >= tonumber(d[3]) then return 'expired_token' end
if d[2] == 'denied' then
  redis.call('DEL', KEYS[1])
  return 'access_denied'
end
local hasty = now - tonumber(d[4]) < tonumber(d[5])
redis.call('HSET', KEYS[1], 'polled', now)
if hasty then
  redis.call('HINCRBY', KEYS[1], 'interval', ARGV[3])
  return 'slow_down'
end
if d[2] == 'waiting' then return 'authorization_pending' end
redis.call('DEL', KEYS[1])
if d[7] ~= run then return 'expired_token' end
return {d[6]}
""")


def begin(client_id: str, scope: str, resource: str) -> IssuedCodes:
    """A fresh pair of codes for a device that waits from now on."""
    begun = IssuedCodes(crypto.random_token(), crypto.random_code(USER_CODE_ALPHABET, USER_CODE_LENGTH))
    waiting = PendingDevice(crypto.digest(begun.device_code), client_id, scope, resource)
    kept: dict[str, str | bytes] = {
        "client": client_id,
        "state": "waiting",
        "expires": str(clock.timestamp() + LIFE),
        "polled": "0",
        "interval": str(POLL_INTERVAL),
        "scope": scope,
        "resource": resource,
    }
    store().put_fields(_key(waiting.id), kept, LIFE + SWEEP_AFTER)
    # Two devices with one user code would be a mix-up; of 2.5e10 codes the first is free in practice, else the next.
    if not store().put_if_absent(_user_key(begun.user_code), waiting.id, LIFE):
        return begin(client_id, scope, resource)
    return begun


def find_by_user_code(user_code: str) -> PendingDevice | None:
    """The device that shows this code, however it was typed, while it waits."""
    raw = store().get(_user_key(normalize_user_code(user_code)))
    return find_pending(raw.decode()) if raw else None


def find_pending(device: str) -> PendingDevice | None:
    """The device with this id, while it waits."""
    names = ("client", "state", "expires", "scope", "resource")
    found = [(value or b"").decode() for value in store().fields(_key(device), *names)]
    client_id, state, expires, scope, resource = found
    if state != "waiting" or clock.timestamp() >= int(expires):
        return None
    return PendingDevice(device, client_id, scope, resource)


def allow(device: str, approval: Approval) -> bool:
    """Hands the device what the person approved; False when it expired or somebody else decided first."""
    return _decided(device, "allowed", approvals.approval_to_json(approval))


def deny(device: str) -> bool:
    """Tells the device that the person said no; False when it expired or was decided before."""
    return _decided(device, "denied", "")


def poll(device_code: str, client_id: str) -> Approval | PollError:
    """What the device gets now: the approval, once, or why not (section 3.5)."""
    device = crypto.digest(device_code)
    found = store().run(_POLL, (_key(device),), (client_id, clock.timestamp(), POLL_INTERVAL))
    if isinstance(found, list):
        return Approval.load(orjson.loads(found[0]))
    told: PollError = found.decode()
    return told


def normalize_user_code(user_code: str) -> str:
    """A user code as it was made: case, spaces and dashes do not matter (section 6.1)."""
    return "".join(c for c in user_code.upper()[:64] if c in USER_CODE_ALPHABET)


def format_user_code(user_code: str) -> str:
    """A user code as people read it."""
    half = USER_CODE_LENGTH // 2
    return f"{user_code[:half]}-{user_code[half:]}"


def _decided(device: str, state: str, approval: str) -> bool:
    return bool(store().run(_DECIDE, (_key(device),), (clock.timestamp(), state, approval)))


def _key(device: str) -> str:
    return f"device:{device}"


def _user_key(user_code: str) -> str:
    return f"device-user:{crypto.digest(user_code)}"
