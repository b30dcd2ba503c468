"""Every cookie of ours in one table: its name, who may read it, how long it lives; and how one is set, read and deleted."""

from dataclasses import dataclass, replace
from typing import Self

from flask import request
from werkzeug.wrappers import Response as AnyResponse

from idp.core import lifetimes
from idp.core.settings import settings


@dataclass(frozen=True, slots=True)
class Cookie:
    """One cookie. `max_age` is in seconds, None for as long as the browser runs.

    `host_only` gives it the __Host- name over https: such a cookie cannot be planted by a neighbouring host (RFC 6265bis
    section 4.1.3.2). Only our servers read a cookie, and only requests from our own pages and links carry it (SameSite=Lax),
    unless `for_scripts` and `in_frames` say otherwise.
    """

    base: str
    purpose: str
    max_age: int | None = None
    host_only: bool = True
    path: str = "/"
    for_scripts: bool = False
    in_frames: bool = False

    @property
    def name(self) -> str:
        """As it goes over the wire."""
        return f"__Host-{self.base}" if self.host_only and settings().secure else self.base

    @property
    def same_site(self) -> str:
        """`None` is only believed together with Secure."""
        return "None" if self.in_frames and settings().secure else "Lax"

    def of(self, part: str) -> Self:
        """One of the cookies of this kind, such as that of one interaction."""
        return replace(self, base=f"{self.base}-{part}")

    def under(self, path: str) -> Self:
        """The cookie of this name that goes to the pages under a path only."""
        return replace(self, path=path)

    def read(self) -> str:
        """What this request's browser sent; empty without the cookie."""
        return request.cookies.get(self.name, "")


SESSION = Cookie("idp_session", "The single sign-on session.")
INTERACTION = Cookie("interaction", "Proves that a waiting authorization request is this browser's, one cookie for each.")
CARRIED_REQUEST = Cookie(
    "request",
    "Carries a request that nobody has acted on yet, sealed, to its own pages only.",
    host_only=False,
    path="/interaction/",
)
BROWSER = Cookie("idp_browser", "Binds forms outside of interactions to this browser, and counts tries per browser.")
REMEMBERED_DEVICE = Cookie("idp_device", "This browser need not give the second factor.", lifetimes.REMEMBERED_DEVICE.seconds)
# Browsers keep a cookie no longer (RFC 6265bis section 5.5).
KNOWN_DEVICE = Cookie("idp_known", "Sign-ins in this browser are not told as from a new device.", lifetimes.KNOWN_DEVICE.seconds)
# Session Management 1.0 section 3.2: scripts of our own frame read it, also inside another site's page.
BROWSER_STATE = Cookie("idp_browser_state", "Says that the session changed.", host_only=False, for_scripts=True, in_frames=True)
LANGUAGE = Cookie("bahasa", "The language chosen on our switch.", host_only=False)
TYPED = Cookie("typed", "Brings what was typed back to its page, sealed, when the language is changed.", host_only=False)

COOKIES = (SESSION, INTERACTION, CARRIED_REQUEST, BROWSER, REMEMBERED_DEVICE, KNOWN_DEVICE, BROWSER_STATE, LANGUAGE, TYPED)


def set_cookie(response: AnyResponse, cookie: Cookie, value: str, *, max_age: int | None = None) -> None:
    """Gives the browser a cookie; `max_age` in seconds where the table has none."""
    response.set_cookie(
        cookie.name,
        value,
        max_age=cookie.max_age if max_age is None else max_age,
        path=cookie.path,
        secure=settings().secure,
        httponly=not cookie.for_scripts,
        samesite=cookie.same_site,
    )


def delete_cookie(response: AnyResponse, cookie: Cookie) -> None:
    """Takes a cookie out of the browser, by the attributes that it was set with."""
    response.delete_cookie(
        cookie.name,
        path=cookie.path,
        secure=settings().secure,
        httponly=not cookie.for_scripts,
        samesite=cookie.same_site,
    )
