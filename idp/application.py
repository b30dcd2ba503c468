"""The whole application in one table of contents: what it is made of, and which page each fact becomes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from flask_wtf.csrf import CSRFError

from idp import account, accounts, gateways, login, notices, oidc, pages, probation, recovery, registration
from idp.accounts import hashing
from idp.core import languages
from idp.core.languages import babel
from idp.core.settings import ConfigError, Settings, load_settings
from idp.gateways.civil_registry import RegistryUnavailable
from idp.gateways.sms import DeliveryFailed
from idp.identity import number_first
from idp.interaction import pending, rooms
from idp.limits.rate_limits import TooManyAttempts
from idp.oidc.logout import back_channel
from idp.sessions import single_sign_on
from idp.storage import key_file, outbox, redis_store
from idp.storage.database import DATABASE_DOWN, db, tune
from idp.storage.sealing import Unsealable
from idp.web import csrf, error_pages, headers, logs, metrics
from idp.web.csrf import csrf_protect

# The facts that a view may let fall, and the page each becomes: status and error code.
ERROR_PAGES: dict[type[Exception], tuple[int, str]] = {
    TooManyAttempts: (429, "too_many_attempts"),
    RegistryUnavailable: (503, "registry_unavailable"),
    DeliveryFailed: (503, "delivery_failed"),
    redis_store.StoreUnavailable: (503, "temporarily_unavailable"),
    hashing.Busy: (503, "temporarily_unavailable"),
    **dict.fromkeys(DATABASE_DOWN, (503, "temporarily_unavailable")),
    Unsealable: (500, "server_error"),
    error_pages.InteractionGone: (410, "gone"),
    CSRFError: (400, "form_expired"),
}


# What the outbox delivers: to people by SMS and e-mail, to services by back channel, and the end of outdated sessions.
MESSAGE_KINDS = (notices.MESSAGES, back_channel.MESSAGES, single_sign_on.MESSAGES)


class Application(Flask):
    """Flask without asking each view at each call whether it is a coroutine: none of ours is."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The view as it is: none of ours is a coroutine."""
        return func


def create_app(settings: Settings | None = None) -> Flask:
    """The application, from settings (read from IDP_* when None); raises ConfigError."""
    known = settings or load_settings()
    logs.configure(known)
    app = Application(__name__)
    # A doubled slash is another address: merging them would redirect to whatever host the request claims to be for.
    app.url_map.merge_slashes = False
    app.extensions["idp.settings"] = known
    key_file.load(app)
    app.extensions["idp.storage.redis_store"] = redis_store.connect(_redis_url(known))
    app.config.update(_flask_config(known, app.extensions["idp.secrets"].cookie))
    db.init_app(app)
    tune(app)
    csrf_protect.init_app(app)
    babel.init_app(app, locale_selector=pages.select_locale)
    headers.register_headers(app, known)
    error_pages.register_errors(app, ERROR_PAGES)
    metrics.init_app(app)
    app.register_error_handler(pending.ConcurrentUpdate, lambda _: rooms.redirect_to_next_step())
    csrf.register_forms(app)
    app.url_defaults(rooms.add_interaction_id)
    gateways.init_app(app)
    accounts.init_app(app)
    notices.init_app(app)
    probation.init_app(app)
    outbox.init_app(app, MESSAGE_KINDS)
    for room in (pages, login, number_first, registration, recovery, account, oidc):
        room.init_app(app)
    return app


def _redis_url(known: Settings) -> str:
    return redis_store.embedded_redis(known.var) if known.redis_url.startswith("embedded:") else known.redis_url


def _flask_config(known: Settings, cookie_key: bytes) -> dict[str, Any]:
    return {
        "SECRET_KEY": cookie_key,
        "SQLALCHEMY_DATABASE_URI": _absolute(known.database_url),
        "SQLALCHEMY_ENGINE_OPTIONS": _engine_options(known.database_url),
        "BABEL_DEFAULT_LOCALE": languages.default().locale,
        "BABEL_DEFAULT_TIMEZONE": "Asia/Jakarta",
        "WTF_CSRF_TIME_LIMIT": None,  # as long as the cookie it is bound to
        "WTF_CSRF_SSL_STRICT": False,  # it wants a Referer, which our pages do not send; forms.check_origin stands in
        "MAX_CONTENT_LENGTH": 256 * 1024,
        "MAX_FORM_MEMORY_SIZE": 256 * 1024,
        "MAX_FORM_PARTS": 100,
        "TRAP_HTTP_EXCEPTIONS": False,
    }


def _absolute(url: str) -> str:
    prefix = "sqlite:///"
    if not url.startswith(prefix) or url in (prefix, prefix + ":memory:"):
        return url
    path = Path(url.removeprefix(prefix)).resolve()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as refused:
        raise ConfigError(f"IDP_DATABASE_URL: {path.parent} cannot be made ({refused.strerror}): name another place.") from None
    return f"{prefix}{path}"


def _engine_options(url: str) -> dict[str, Any]:
    if url.startswith("sqlite"):
        return {"connect_args": {"timeout": 10}}
    # A server that hangs, or a network that swallows packets, must not hold the threads: every wait has an end.
    options = "-c statement_timeout=10000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=30000"
    network = {
        "connect_timeout": 3,
        "keepalives_idle": 10,
        "keepalives_interval": 3,
        "keepalives_count": 3,
        "tcp_user_timeout": 10000,
    }
    connect = {"options": options, **network}
    return {"pool_pre_ping": True, "pool_size": 8, "max_overflow": 8, "pool_timeout": 5, "connect_args": connect}
