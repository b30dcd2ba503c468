"""An interaction: an authorization request while it waits in our pages, proved by the cookie of one browser."""

import re
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson
from flask import Response, request

from idp.core import clock, crypto
from idp.core.settings import settings
from idp.core.values import Authentication
from idp.storage.redis_store import Script, store
from idp.storage.sealing import Unsealable, sealer
from idp.web import cookies
from idp.web.cookies import INTERACTION_COOKIE
from idp.web.error_pages import InteractionGone

SWEEP_AFTER = 6 * 3600  # seconds that a record outlives its interaction, so that a late visitor still finds the way back
_ID = re.compile(r"[A-Za-z0-9_-]{22}")


class ConcurrentUpdate(Exception):
    """Another request of the same browser has moved the interaction on meanwhile: back to the door, nothing is lost."""


@dataclass(slots=True)
class Interaction:
    """What waits: the request as received, who was proved meanwhile, what is still owed, and each room's sealed notes."""

    id: str
    browser: str = field(repr=False)
    request: dict[str, str] = field(repr=False)
    service: dict[str, str]
    expires_at: int
    authentication: Authentication | None = None
    fresh: bool = False
    second: dict[str, Any] | None = None
    declined: bool = False
    offer: bool = False
    consented: dict[str, Any] | None = None
    denied: bool = False
    owed: list[str] = field(default_factory=list)
    drafts: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)
    session: str | None = None
    locale: str | None = None
    version: int = 0

    def authenticated(self, authentication: Authentication) -> None:
        """A room has proved who this is, now."""
        self.authentication, self.fresh = authentication, True

    def add_second_factor(self, amr: tuple[str, ...]) -> None:
        """A room has had the second factor of whoever is signed in here, now; `amr` names it (RFC 8176)."""
        if self.authentication is not None:
            self.second = {"account": self.authentication.account, "amr": list(amr)}

    @property
    def stepped_up(self) -> bool:
        """Whether the second factor given here is that of whoever is signed in: another's counts for nothing."""
        return bool(self.second and self.authentication and self.second["account"] == self.authentication.account)

    @property
    def proved(self) -> Authentication | None:
        """Who is signed in, and by all that was given."""
        if not self.authentication or not self.second or not self.stepped_up:
            return self.authentication
        return self.authentication.with_second_factor(tuple(self.second["amr"]))

    def draft(self, room: str) -> dict[str, Any]:
        """The notes that a room has kept; empty at first."""
        return self.drafts.get(room, {})

    def put_draft(self, room: str, notes: dict[str, Any]) -> None:
        """Replaces a room's notes; they are written (sealed) by `save`."""
        self.drafts[room] = notes

    def save(self) -> None:
        """Writes it back unless it was consumed or moved on meanwhile; raises Stale then."""
        before, self.version = self.version, self.version + 1
        if not store().run(_SAVE, (_key(self.id),), (f"{before}.", _sealed(self))):
            raise ConcurrentUpdate

    def changed_elsewhere(self) -> bool:
        """Whether another request of this browser has saved it since it was loaded, such as a second click."""
        return load(self.id).version != self.version


# A record reads `version.sealed JSON`, or `done.JSON of the service` once consumed.
_SAVE = Script("""
local now = redis.call('GET', KEYS[1])
if not now or string.sub(now, 1, #ARGV[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
return 1
""")
_CONSUME = Script("""
local now = redis.call('GET', KEYS[1])
if not now or string.sub(now, 1, 5) == 'done.' then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'KEEPTTL')
return 1
""")


def begin(parameters: dict[str, str], service: dict[str, str], **pinned: Any) -> tuple[Interaction, str]:
    """Starts waiting; returns the interaction and the secret for this browser's cookie (see `bind`)."""
    secret = crypto.random_token()
    life = settings().interaction_minutes * 60
    begun = Interaction(
        id=crypto.random_token(16),
        browser=crypto.digest(secret),
        request=parameters,
        service=service,
        expires_at=clock.timestamp() + life,
        **pinned,
    )
    store().put(_key(begun.id), _sealed(begun), life + SWEEP_AFTER)
    return begun, secret


def set_interaction_cookie(response: Response, begun: Interaction, secret: str) -> Response:
    """Gives this browser the cookie that proves the interaction is its own; it travels to this interaction only."""
    path = f"/interaction/{begun.id}"
    cookies.set_cookie(response, INTERACTION_COOKIE, secret, path=path, max_age=settings().interaction_minutes * 60)
    return response


def load(interaction_id: str) -> Interaction:
    """This browser's interaction; raises Gone when it is over, expired, unknown or another browser's."""
    raw = store().get(_key(interaction_id)) if _ID.fullmatch(interaction_id) else None
    if raw is None:
        raise InteractionGone
    if raw.startswith(b"done."):
        raise InteractionGone(orjson.loads(raw[5:]))
    found = _opened(interaction_id, raw.decode())
    # The id is in the URL and may be read over a shoulder; without the cookie's secret it opens nothing. Fails closed.
    mine = crypto.constant_time_equal(found.browser, crypto.digest(request.cookies.get(INTERACTION_COOKIE, "")))
    if not mine or clock.timestamp() >= found.expires_at:
        raise InteractionGone(found.service)
    return found


def consume(finished: Interaction) -> bool:
    """Ends it for good, atomically; True for one caller only, so that two tabs get one code."""
    return bool(store().run(_CONSUME, (_key(finished.id),), (b"done." + orjson.dumps(finished.service),)))


def _key(interaction_id: str) -> str:
    return f"interaction:{interaction_id}"


def _sealed(kept: Interaction) -> str:
    notes = asdict(kept)
    notes["authentication"] = kept.authentication.to_dict() if kept.authentication else None
    return f"{kept.version}.{sealer().seal(orjson.dumps(notes).decode(), _key(kept.id))}"


def _opened(interaction_id: str, raw: str) -> Interaction:
    try:
        notes = orjson.loads(sealer().open(raw.partition(".")[2], _key(interaction_id)))
    except Unsealable:
        raise InteractionGone from None
    if notes["authentication"]:
        notes["authentication"] = Authentication.from_dict(notes["authentication"])
    return Interaction(**notes)
