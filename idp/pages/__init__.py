"""The pages that belong to no journey (home, legal, language, health), and what every template can call."""

from urllib.parse import urlsplit

from flask import Flask, g, request, url_for

from idp.core import clock, languages, lifetimes
from idp.pages import delivery_reports, routes
from idp.web import assets, headers, help_desk, times
from idp.web.csrf import csrf_protect
from idp.web.locale import select_locale

__all__ = ["init_app", "select_locale"]


def init_app(app: Flask) -> None:
    """Adds the pages; gives templates `asset`, `this_year`, `csp_nonce`, the languages, `lifetimes`, and what `times` and
    `help_desk` add, the filter `host`; `issuer_host` is the name that people compare with the address bar."""
    assets.init_app(app)
    times.init_app(app)
    help_desk.init_app(app)
    app.jinja_env.globals |= {"csp_nonce": headers.csp_nonce, "this_year": lambda: clock.wib(clock.now()).year}
    app.jinja_env.globals |= {"language": languages.current, "languages": languages.languages, "lifetimes": lifetimes}
    app.jinja_env.filters["host"] = _host
    app.jinja_env.globals["address_to_see_again"] = _address_to_see_again
    app.jinja_env.globals |= {"issuer_host": _host(app.extensions["idp.settings"].issuer)}
    # Its page may carry an interaction's token: it checks the origin itself, and changes a language only.
    csrf_protect.exempt(routes.language)
    # Gateways post with a token of their own.
    csrf_protect.exempt(delivery_reports.delivery_report)
    app.register_blueprint(routes.blueprint)
    app.register_blueprint(delivery_reports.blueprint)


def _address_to_see_again() -> str:
    """Where the page that is being made can be opened again, such as in another language: what answers a form alone stands
    for the door of its interaction, or for the front page."""
    rule = request.url_rule
    if rule is None or "GET" in (rule.methods or ()):
        return request.full_path if request.query_string else request.path
    waiting = g.get("interaction")
    return url_for("oidc.resume", interaction_id=waiting.id) if waiting else url_for("pages.home")


def _host(address: str) -> str:
    """What people compare of an address: its host, with the port if it names one."""
    return urlsplit(address).netloc
