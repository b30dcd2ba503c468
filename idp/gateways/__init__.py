"""The outside world behind one door each: civil registry, SMS and mail, chosen by URL."""

from flask import Flask

from idp.core.settings import Settings
from idp.gateways import civil_registry, mail, sms


def init_app(app: Flask) -> None:
    """Connects the three gateways that the settings name; raises ConfigError with one sentence. Nothing is called yet."""
    settings: Settings = app.extensions["idp.settings"]
    app.extensions["idp.civil_registry"] = civil_registry.connect(settings.civil_registry_url, settings)
    app.extensions["idp.sms"] = sms.connect(settings.sms_url, settings)
    app.extensions["idp.mail"] = mail.connect(settings.mail_url, settings)
