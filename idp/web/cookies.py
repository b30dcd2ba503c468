"""Cookies: their names, and how one is set."""

from werkzeug.wrappers import Response as AnyResponse

from idp.core.settings import settings

LANGUAGE_COOKIE = "bahasa"


def cookie_name(name: str) -> str:
    """The __Host- name over https: such a cookie cannot be planted by a neighbouring host (RFC 6265bis)."""
    return f"__Host-{name}" if settings().secure else name


def set_cookie(response: AnyResponse, name: str, value: str, *, path: str = "/", max_age: int | None = None) -> None:
    """Secure over https, HttpOnly, SameSite=Lax; `max_age` in seconds, None for the browser's session."""
    response.set_cookie(name, value, path=path, max_age=max_age, secure=settings().secure, httponly=True, samesite="Lax")


def delete_cookie(response: AnyResponse, name: str, *, path: str = "/") -> None:
    """Takes a cookie out of the browser, by the attributes that it was set with."""
    response.delete_cookie(name, path=path, secure=settings().secure, httponly=True, samesite="Lax")


def interaction_cookie_name(interaction_id: str) -> str:
    """The cookie of one interaction, named by its id: tabs never collide, and no neighbouring host can plant one."""
    return cookie_name(f"{INTERACTION_COOKIE}-{interaction_id}")


INTERACTION_COOKIE = "interaction"
BROWSER_COOKIE = "idp_browser"
