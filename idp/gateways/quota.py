"""The day's quota at Dukcapil: what is left of it, and the tenth that is kept for those who lost their account."""

from idp.core import clock
from idp.gateways.verdicts import Purpose, RegistryUnavailable
from idp.storage.redis_store import Script, store

TWO_DAYS = 2 * 86400
RESERVED = 0.1

# The day's size is not told, only what is left: the most that was seen today stands for it.
_SEEN = Script("""
local most = tonumber(redis.call('HGET', KEYS[1], 'most') or '0')
redis.call('HSET', KEYS[1], 'left', ARGV[1], 'most', math.max(most, tonumber(ARGV[1])))
redis.call('EXPIRE', KEYS[1], ARGV[2])
""")


def record_remaining(left: int) -> None:
    """Remembers what an answer said is left today, for all workers."""
    store().run(_SEEN, [_today()], [left, TWO_DAYS])


def check_available(purpose: Purpose) -> None:
    """Returns when a call for `purpose` may be made; raises RegistryUnavailable("quota") when only the reserve is left."""
    left, most = store().fields(_today(), "left", "most")
    if left is None or most is None or purpose == "recovery":
        return
    if int(left) <= int(most) * RESERVED:
        raise RegistryUnavailable("quota")


def _today() -> str:
    return f"registry:quota:{clock.wib(clock.now()):%Y-%m-%d}"
