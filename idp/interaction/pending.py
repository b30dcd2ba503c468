"""An interaction: an authorization request while it waits in our pages, proved by the cookie of one browser.

Until its person acts, the browser carries the interaction in a sealed cookie, and the store holds nothing: a stranger who
asks for a million of them fills no memory. The first POST writes the record.
"""

import re
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import orjson
from flask import Response, after_this_request, current_app, g, request
from werkzeug.wrappers import Response as AnyResponse

from idp.core import clock, crypto, lifetimes
from idp.core.values import Authentication
from idp.limits import rate_limits
from idp.storage.redis_store import Script, store
from idp.storage.sealing import Unsealable, sealer
from idp.web import cookies, csrf, requests
from idp.web.cookies import CARRIED_REQUEST, INTERACTION, Cookie
from idp.web.error_pages import InteractionGone

SWEEP_AFTER = (
    lifetimes.INTERACTION_TRACE.seconds
)  # seconds that a record outlives its interaction, so that a late visitor still finds the way back
CARRIED_AT_MOST = 3800  # characters of a cookie (RFC 6265 section 6.1: browsers take 4096 bytes with name and attributes)
MAX_COOKIES = 8  # interactions that one browser proves at a time: with more tabs the oldest ends, headers stay small
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
    #: Digest of the secret that proved the browser before somebody signed in: it shows nobody signed in, ever again.
    before: str = field(default="", repr=False)
    #: Whether the browser carries it and the store does not know it yet; never written.
    carried: bool = field(default=False, repr=False)

    def authenticated(self, authentication: Authentication) -> None:
        """A room has proved who this is, now."""
        self.authentication, self.fresh = authentication, True
        self.rotate_secret(authentication.account)

    def forget_authentication(self) -> None:
        """Nobody is signed in here any more, nor by the browser's session: the door asks for a new sign-in, so that it
        never leads back to a room that has just refused the one there was."""
        self.authentication, self.fresh, self.session = None, False, ""

    def rotate_secret(self, subject: str) -> None:
        """Gives the browser that has just proved to be this account's owner another secret, with the next `save`.

        Whoever knew the secret before, because they had planted or seen it, is left with a request in which nobody is
        signed in. A second click proves the same account by the same secret, and so gets the same new one.
        """
        presented = _presented(self.id)
        secret = crypto.mac(current_app.secret_key, "interaction", self.id, presented, subject)  # type: ignore[arg-type]
        self.before, self.browser = crypto.digest(presented), crypto.digest(secret)
        csrf.rebind_tokens(_cookie_value(self, secret))

    def forget_sign_in(self) -> None:
        """Nobody has signed in here any more; the request and what was typed in stay."""
        self.authentication, self.second, self.consented = None, None, None
        self.fresh = self.offer = self.declined = False

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
        """Writes it back unless it was consumed or moved on meanwhile; raises ConcurrentUpdate then.

        While nobody has acted the browser goes on carrying it. The first record of it is counted: raises TooManyAttempts.
        """
        if not (self.carried and request.method in csrf.SAFE_METHODS and _carry(self)):
            self._write()

    def _write(self) -> None:
        """Writes the record; raises as `save`."""
        if self.carried:
            rate_limits.hit("interaction_address", requests.client_network())
        before, self.version = self.version, self.version + 1
        life = self.expires_at - clock.timestamp() + SWEEP_AFTER if self.carried else 0
        saved = store().run(_SAVE, (_key(self.id),), (f"{before}.", _sealed(self), life))
        self.carried = False
        if "rotated_secret" in g and (saved or _proves(self.id, self.browser)):
            after_this_request(self._renew_cookie)
        if not saved:
            raise ConcurrentUpdate

    def _renew_cookie(self, response: AnyResponse) -> AnyResponse:
        _set_cookie(response, self, g.rotated_secret)
        return response

    def unproved(self) -> "Interaction":
        """The same request as somebody sees it who has the secret of before the sign-in: nobody is signed in."""
        nobody: dict[str, Any] = {"authentication": None, "second": None, "consented": None, "fresh": False}
        return replace(self, **nobody, browser=self.before, before="", declined=False, offer=False, owed=["login"], drafts={})

    def changed_elsewhere(self) -> bool:
        """Whether another request of this browser has saved it since it was loaded, such as a second click."""
        return load(self.id).version != self.version


# A record reads `run of the server``version.sealed JSON`, or `done.JSON of the service` once consumed.
_SAVE = Script("""
local now = redis.call('GET', KEYS[1])
if not now and tonumber(ARGV[3]) > 0 then
  redis.call('SET', KEYS[1], run .. ARGV[2], 'EX', ARGV[3])
  return 1
end
if not now or string.sub(now, 41, 40 + #ARGV[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], run .. ARGV[2], 'KEEPTTL')
return 1
""")
# One that its browser carried to its end leaves its mark as well, for longer than the cookie is worth anything.
_CONSUME = Script("""
local now = redis.call('GET', KEYS[1])
if not now and tonumber(ARGV[2]) > 0 then
  redis.call('SET', KEYS[1], run .. ARGV[1], 'EX', ARGV[2])
  return 1
end
if not now or string.sub(now, 41, 45) == 'done.' then return 0 end
redis.call('SET', KEYS[1], run .. ARGV[1], 'KEEPTTL')
return 1
""")


def begin(parameters: dict[str, str], service: dict[str, str], **pinned: Any) -> tuple[Interaction, str]:
    """Starts waiting; returns the interaction and the secret for this browser's cookie (see `set_interaction_cookie`).

    Raises TooManyAttempts when it is too large for a cookie and this address has begun too many.
    """
    secret = crypto.random_token()
    life = lifetimes.INTERACTION.seconds
    begun = Interaction(
        id=crypto.random_token(16),
        browser=crypto.digest(secret),
        request=parameters,
        service=service,
        expires_at=clock.timestamp() + life,
        carried=True,
        **pinned,
    )
    if not _carry(begun):
        begun._write()
    return begun, secret


def set_interaction_cookie(response: Response, begun: Interaction, secret: str) -> Response:
    """Gives this browser the cookie that proves the interaction is its own, and takes away those that are too many."""
    _set_cookie(response, begun, _cookie_value(begun, secret))
    for cookie in _superfluous_cookies():
        cookies.delete_cookie(response, cookie)
    return response


def delete_interaction_cookie(response: Response, over: Interaction) -> Response:
    """Takes the cookie of an interaction that is over."""
    cookies.delete_cookie(response, INTERACTION.of(over.id))
    cookies.delete_cookie(response, _carrier(over.id))
    return response


def load(interaction_id: str) -> Interaction:
    """This browser's interaction; raises Gone when it is over, expired, unknown or another browser's."""
    raw, same_run = (store().peek(_key(interaction_id)) if _ID.fullmatch(interaction_id) else None) or (None, True)
    if raw is not None and raw.startswith(b"done."):
        raise InteractionGone(orjson.loads(raw[5:]))
    found = _opened(interaction_id, raw.decode()) if raw is not None else _carried(interaction_id)
    if not same_run:
        # The store failed over, and may have forgotten that this was finished: whoever had signed in here does so again.
        found.forget_sign_in()
    # The id is in the URL and may be read over a shoulder; without the cookie's secret it opens nothing. Fails closed.
    presented = crypto.digest(_presented(interaction_id))
    mine = crypto.constant_time_equal(found.browser, presented)
    earlier = bool(found.before) and crypto.constant_time_equal(found.before, presented)
    if not (mine or earlier) or clock.timestamp() >= found.expires_at:
        raise InteractionGone(found.service)
    return found if mine else found.unproved()


def sign_out() -> None:
    """Whoever signs out in this browser is signed out in the requests that wait in its other tabs, too."""
    prefix = INTERACTION.of("").name
    for name in request.cookies:
        if name.startswith(prefix):
            _sign_out(name.removeprefix(prefix))


def _sign_out(interaction_id: str) -> None:
    for _ in range(3):
        try:
            waiting = load(interaction_id)
            if waiting.carried or waiting.authentication is None:
                return
            waiting.forget_sign_in()
            waiting.save()
            return
        except InteractionGone:
            return
        except ConcurrentUpdate:
            continue  # another tab has moved it on: once more


def consume(finished: Interaction) -> bool:
    """Ends it for good, atomically; True for one caller only, so that two tabs get one code."""
    life = finished.expires_at - clock.timestamp() + SWEEP_AFTER if finished.carried else 0
    return bool(store().run(_CONSUME, (_key(finished.id),), (b"done." + orjson.dumps(finished.service), life)))


def _carry(waiting: Interaction) -> bool:
    """Has the browser carry the interaction on; False when it is too large for a cookie."""
    key_id, _, sealed = _sealed(waiting).partition(".")[2].partition(".")
    value = f"{key_id}.{crypto.b64(bytes.fromhex(sealed))}"
    if len(value) > CARRIED_AT_MOST:
        return False

    @after_this_request
    def carry(response: AnyResponse) -> AnyResponse:
        # Longer than it is worth anything: a late visitor still finds the way back to the service.
        life = max(0, waiting.expires_at - clock.timestamp()) + SWEEP_AFTER
        cookies.set_cookie(response, _carrier(waiting.id), value, max_age=life)
        return response

    return True


def _carried(interaction_id: str) -> Interaction:
    """The interaction that the browser carries. Sealed for this id, and worth nothing without the cookie of its secret:
    planted by another host it opens nothing. Raises InteractionGone."""
    key_id, _, body = CARRIED_REQUEST.read().partition(".")
    try:
        found = _opened(interaction_id, f"0.{key_id}.{crypto.unb64(body).hex()}")
    except ValueError:
        raise InteractionGone from None
    if not _ID.fullmatch(interaction_id) or found.version:
        raise InteractionGone
    found.carried = True
    return found


def _carrier(interaction_id: str) -> Cookie:
    return CARRIED_REQUEST.under(f"/interaction/{interaction_id}")


def _set_cookie(response: AnyResponse, waiting: Interaction, value: str) -> None:
    life = lifetimes.INTERACTION.seconds
    cookies.set_cookie(response, INTERACTION.of(waiting.id), value, max_age=life)


def _cookie_value(waiting: Interaction, secret: str) -> str:
    # The time of its end stands before the secret: a browser sends back no age, and the oldest have to go first.
    return f"{waiting.expires_at}.{secret}"


def _presented(interaction_id: str) -> str:
    return INTERACTION.of(interaction_id).read().rpartition(".")[2]


def _superfluous_cookies() -> list[Cookie]:
    """This browser's interaction cookies that have expired, and the oldest beyond what it may keep."""
    prefix = INTERACTION.of("").name
    sent = {name.removeprefix(prefix): value for name, value in request.cookies.items() if name.startswith(prefix)}
    ends = {known: _end_of(value) for known, value in sent.items()}
    newest_first = sorted(ends, key=lambda known: ends[known], reverse=True)
    over = [id for place, id in enumerate(newest_first, 2) if place > MAX_COOKIES or ends[id] <= clock.timestamp()]
    return [INTERACTION.of(id) for id in over]


def _end_of(value: str) -> int:
    written = value.partition(".")[0]
    return int(written) if written.isascii() and written.isdigit() and len(written) < 12 else 0


def _proves(interaction_id: str, browser: str) -> bool:
    """Whether what is kept was written by a twin of this request: the same account, proved by the same secret."""
    kept = store().peek(_key(interaction_id))
    if kept is None or kept[0].startswith(b"done."):
        return False
    return crypto.constant_time_equal(_opened(interaction_id, kept[0].decode()).browser, browser)


def _key(interaction_id: str) -> str:
    return f"interaction:{interaction_id}"


def _sealed(kept: Interaction) -> str:
    notes = asdict(kept)
    del notes["carried"]
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
