"""Which language a page is in."""

from flask import g, has_request_context, request

from idp.core import languages
from idp.core.languages import Language
from idp.web import cookies


def select_locale() -> str:
    """The person's own choice on our switch; else the service's (`ui_locales`, OpenID Connect Core 3.1.2.1);
    else the account's language; else the browser's; else Indonesian.

    The answer is Babel's name of it. The switch comes first: it was pressed on these very pages, and lives as long as
    the browser's session.
    """
    if not has_request_context():
        return languages.default().locale
    return (_chosen() or _asked_for() or _of_account() or _of_browser() or languages.default()).locale


def _chosen() -> Language | None:
    return languages.find(cookies.LANGUAGE.read())


def _asked_for() -> Language | None:
    waiting = g.get("interaction")
    wanted = waiting.request.get("ui_locales", "") if waiting else request.args.get("ui_locales", "")
    return languages.first_of(wanted.split())


def _of_account() -> Language | None:
    waiting = g.get("interaction")
    return languages.find(g.get("locale") or (waiting.locale if waiting else None))


def _of_browser() -> Language | None:
    return languages.first_of(tag for tag, quality in request.accept_languages if quality > 0)
