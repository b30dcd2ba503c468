"""Which language a page is in."""

from flask import g, request

from idp.web import cookies

SUPPORTED = ("id", "en")


def select_locale() -> str:
    """The person's own choice on our switch; else the service's (`ui_locales`, OpenID Connect Core 3.1.2.1);
    else the account's language; else the browser's; else Indonesian.

    The switch comes first: it was pressed on these very pages, and lives as long as the browser's session.
    """
    return _chosen() or _asked_for() or _of_account() or _of_browser() or SUPPORTED[0]


def supported_locale(tag: str | None) -> str | None:
    """`en-US` to `en`; None for a language that we do not speak."""
    primary = (tag or "").replace("_", "-").partition("-")[0].lower()
    return primary if primary in SUPPORTED else None


def _chosen() -> str | None:
    return supported_locale(request.cookies.get(cookies.LANGUAGE_COOKIE))


def _asked_for() -> str | None:
    waiting = g.get("interaction")
    wanted = waiting.request.get("ui_locales", "") if waiting else request.args.get("ui_locales", "")
    return next(filter(None, map(supported_locale, wanted.split())), None)


def _of_account() -> str | None:
    waiting = g.get("interaction")
    return supported_locale(g.get("locale") or (waiting.locale if waiting else None))


def _of_browser() -> str | None:
    return next(filter(None, (supported_locale(tag) for tag, quality in request.accept_languages if quality > 0)), None)
