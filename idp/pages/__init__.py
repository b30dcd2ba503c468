"""The pages that belong to no journey (home, legal, language, health), and what every template can call."""

from flask import Flask

from idp import clock, web
from idp.extensions import csrf
from idp.pages import assets, routes, times
from idp.pages.locale import select_locale

__all__ = ["init_app", "select_locale"]


def init_app(app: Flask) -> None:
    """Adds the pages; gives templates `asset`, `this_year`, `csp_nonce`, and what `times` adds."""
    assets.init_app(app)
    times.init_app(app)
    app.jinja_env.globals |= {"csp_nonce": web.csp_nonce, "this_year": lambda: clock.wib(clock.now()).year}
    # Its page may carry an interaction's token: it checks the origin itself, and changes a language only.
    csrf.exempt(routes.language)
    app.register_blueprint(routes.blueprint)
