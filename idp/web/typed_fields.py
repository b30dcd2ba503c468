"""What somebody has typed into a page's form so far, carried over a change of language by their own browser, sealed."""

from collections.abc import Mapping

import orjson
from flask import after_this_request, g, request
from werkzeug.wrappers import Response as AnyResponse

from idp.core import clock, lifetimes
from idp.storage.sealing import Unsealable, sealer
from idp.web import cookies
from idp.web.cookies import TYPED

# Fields that a page shows again. Whatever is not named here, above all each secret and the mother's name, is forgotten at
# once (fails closed).
SHOWN_AGAIN = ("identifier", "nik", "name", "email", "phone", "user_code")
LIFE = lifetimes.TYPED_FIELDS.seconds  # the browser asks for the page again at once
AT_MOST = 2000  # characters typed; a browser keeps cookies up to 4096 bytes (RFC 6265 section 6.1)


def keep(response: AnyResponse, path: str, typed: Mapping[str, str]) -> None:
    """Has the browser bring what was typed back to the page at `path`, once."""
    known = {name: typed[name] for name in SHOWN_AGAIN if typed.get(name)}
    if not known or sum(map(len, known.values())) > AT_MOST:
        return
    notes = orjson.dumps({"typed": known, "until": clock.timestamp() + LIFE}).decode()
    cookies.set_cookie(response, TYPED.under(path), sealer().seal(notes, _context(path)), max_age=LIFE)


def take() -> dict[str, str]:
    """What was typed into the page that is asked for before its language changed; empty otherwise, and the second time."""
    sealed = TYPED.read() if request.method == "GET" else ""
    if not sealed or g.get("typed_taken"):
        return {}
    g.typed_taken = True
    after_this_request(_forget)
    try:
        notes = orjson.loads(sealer().open(sealed, _context(request.path)))
    except Unsealable:
        return {}
    typed: dict[str, str] = notes["typed"] if notes["until"] > clock.timestamp() else {}
    return typed


def _forget(response: AnyResponse) -> AnyResponse:
    cookies.delete_cookie(response, TYPED.under(request.path))
    return response


def _context(path: str) -> str:
    return f"typed:{path}"
