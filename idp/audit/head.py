"""The head of the audit trail: the last row that was written, remembered apart from it and told to whoever keeps the logs."""

from typing import cast

import structlog
from flask import current_app

from idp.audit.chain import Link
from idp.core import clock, crypto
from idp.core.settings import Secrets
from idp.storage.redis_store import store

log = structlog.get_logger()

HEAD = "audit:{audit}:head"
HEAD_LIFE = 5 * 366 * 86400  # seconds
TELL_EVERY = 60.0  # seconds between two log lines of a worker that writes all the time
_TOLD = "idp.audit.told"


def keyed_by() -> bytes:
    """The key of the chain: made from the one key that never rotates, so that rows of years ago can be verified."""
    secrets = cast(Secrets, current_app.extensions["idp.secrets"])
    return crypto.mac(secrets.pairwise, "the chain of the audit trail").encode()


def remembered() -> Link:
    """The head as the store has it; the beginning where it has none."""
    return parse((store().get(HEAD) or b"0:").decode())


def parse(written: str) -> Link:
    """What `position:hash` names; raises ValueError."""
    position, _, hashed = written.strip().partition(":")
    return Link(int(position), hashed)


def written(link: Link) -> str:
    """A head as people and programs carry it: `position:hash`."""
    return f"{link.position}:{link.hash}"


def tell(event: str, link: Link) -> None:
    """Lets a head leave the machine with the logs: whoever rewrites the tables later cannot take it back."""
    log.info(event, position=link.position, hash=link.hash)


def tell_now_and_then(link: Link) -> None:
    """The same for a head that has moved, once a minute at most."""
    told: float = current_app.extensions.get(_TOLD, -TELL_EVERY)
    if clock.monotonic() - told >= TELL_EVERY:
        current_app.extensions[_TOLD] = clock.monotonic()
        tell("audit_head", link)
