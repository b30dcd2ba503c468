"""Wrong attempts in a row: a delay that grows with them, over all addresses, and is never a lock."""

from idp.core import clock, lifetimes
from idp.limits.rate_limits import TooManyAttempts
from idp.storage.redis_store import Script, store
from idp.storage.sealing import sealer

# From so many wrong attempts in a row on, so many seconds pass before the next one is looked at.
DELAYS = ((20, 30), (40, 120), (60, 600), (80, 1800))
LIFE = lifetimes.WRONG_STREAK.seconds

# One step: an attempt inside the delay is neither looked at nor counted; of many at once one passes.
_ATTEMPT = Script("""
local now, known = tonumber(ARGV[1]), redis.call('HMGET', KEYS[1], 'wrong', 'until')
local open = tonumber(known[2] or '0')
if now < open then return {tonumber(known[1]), open - now} end
local wrong, pause = tonumber(known[1] or '0') + 1, 0
for i = 3, #ARGV, 2 do
  if wrong >= tonumber(ARGV[i]) then pause = tonumber(ARGV[i + 1]) end
end
redis.call('HSET', KEYS[1], 'wrong', wrong, 'until', now + pause)
redis.call('EXPIRE', KEYS[1], ARGV[2])
return {wrong, 0}
""")

_TAKE_BACK = Script("""
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HINCRBY', KEYS[1], 'wrong', -1) end
return 1
""")


def attempt(name: str, subject: str) -> int:
    """Counts an attempt before it is judged; returns how many there were in a row with this one.

    Raises TooManyAttempts while the delay of the attempts before lasts. Fails closed with StoreUnavailable.
    """
    delays = [number for step in DELAYS for number in step]
    wrong, wait = store().run(_ATTEMPT, [_key(name, subject)], [clock.timestamp(), LIFE, *delays])
    if wait:
        raise TooManyAttempts(wait, name)
    return int(wrong)


def not_judged(name: str, subject: str) -> None:
    """The attempt was never looked at: it is no part of the row. A delay that it began goes on."""
    store().run(_TAKE_BACK, [_key(name, subject)])


def succeeded(name: str, subject: str) -> None:
    """The attempt was right: the row is over."""
    store().drop(_key(name, subject))


def _key(name: str, subject: str) -> str:
    return f"streak:{name}:{sealer().index(subject, 'limit')}"
