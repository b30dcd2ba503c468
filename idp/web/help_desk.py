"""The help desk on our pages: who answers when somebody cannot get on by themselves."""

from dataclasses import dataclass

from flask import Flask

from idp.core.settings import settings


@dataclass(frozen=True, slots=True)
class HelpDesk:
    """How the help desk is reached, each as people read it; what the operator has not set is empty."""

    phone: str
    whatsapp: str
    hours: str
    url: str
    address: str


def help_desk() -> HelpDesk:
    """The help desk of the settings."""
    known = settings()
    return HelpDesk(known.help_phone, known.help_whatsapp, known.help_hours, known.help_url, known.help_address)


def dialled(number: str) -> str:
    """The number as a telephone dials it (RFC 3966 section 5.1.1 allows no spaces)."""
    return "".join(sign for sign in number if sign.isdigit() or sign == "+")


def init_app(app: Flask) -> None:
    """Global `help_desk`, filter `dialled`."""
    app.jinja_env.globals |= {"help_desk": help_desk}
    app.jinja_env.filters |= {"dialled": dialled}
