"""The outbox of the stand-ins: what would have been sent, sealed in the store, so that every worker and command sees it."""

from dataclasses import asdict, dataclass, field

import orjson

from idp.core import clock, lifetimes
from idp.storage.redis_store import Script, store
from idp.storage.sealing import Unsealable, sealer

KEY = "outbox"
CONTEXT = "outbox:message"
MAX_MESSAGES = 1000
LIFE = lifetimes.STAND_IN_MESSAGE.seconds


@dataclass(frozen=True, slots=True)
class Message:
    """One message: `kind` is sms or mail, `to` the number in E.164 or the address, `at` epoch seconds."""

    kind: str
    to: str = field(repr=False)
    subject: str
    text: str = field(repr=False)
    reference: str
    at: int


_APPEND = Script("""
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('LTRIM', KEYS[1], -tonumber(ARGV[2]), -1)
redis.call('EXPIRE', KEYS[1], ARGV[3])
""")


def append(kind: str, to: str, subject: str, text: str, reference: str = "") -> None:
    """Keeps a message for a day, at most a thousand of them."""
    message = Message(kind, to, subject, text, reference, clock.timestamp())
    store().run(_APPEND, [KEY], [sealer().seal(orjson.dumps(asdict(message)).decode(), CONTEXT), MAX_MESSAGES, LIFE])


def messages(to: str | None = None) -> list[Message]:
    """What was kept, newest last; only for the number or address `to` when given.

    What another key sealed is left out: in development the keys may be thrown away while the store lives on.
    """
    kept = [message for message in map(_opened, store().listed(KEY)) if message]
    return [message for message in kept if to is None or message.to == to]


def _opened(sealed: bytes) -> Message | None:
    try:
        return Message(**orjson.loads(sealer().open(sealed.decode(), CONTEXT)))
    except (Unsealable, TypeError):
        return None
