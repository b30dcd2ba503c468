"""The pages that belong to no journey (home, legal, language, health), and what every template can call."""

from flask import Flask

from idp import clock, web
from idp.extensions import csrf
from idp.pages import assets, routes, times
from idp.pages.locale import select_locale

__all__ = ["init_app", "select_locale"]


def init_app(app: Flask) -> None:
    """Adds the pages; to templates `asset`, `this_year`, `csp_nonce`, `get_locale` and the filters of `times`."""
    assets.init_app(app)
    times.init_app(app)
    app.jinja_env.globals |= {"csp_nonce": web.csp_nonce, "this_year": lambda: clock.wib(clock.now()).year}
    # The page it is pressed on may carry an interaction's token: it checks the origin itself, and changes no more
    # than a language.
    csrf.exempt(routes.language)
    app.register_blueprint(routes.blueprint)
