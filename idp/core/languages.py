"""The languages in which people are spoken to: one table, how a language is chosen from it, and the translation of texts."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from flask_babel import Babel, force_locale, get_locale, gettext, lazy_gettext

babel = Babel()

# Flask-Babel carries no types.
_: Callable[..., str] = gettext
_l: Callable[..., Any] = lazy_gettext

LONGEST_TAG = 4  # subtags that are looked at: language, extended language, script, region


@dataclass(frozen=True, slots=True)
class Language:
    """One language of pages, notices and mails.

    `tag` is its BCP 47 tag, as `ui_locales`, `lang` and an account's `locale` have it; `name` is its name in itself;
    `locale` is what Babel (CLDR) calls it. A mail to somebody whose language is not known is in all that are
    `for_unknown`, in the order of the table.
    """

    tag: str
    name: str
    locale: str
    for_unknown: bool = False


# The first is the language of the texts in code and templates, and of whoever has not said another. A further one is a line
# here, a catalogue in idp/translations and the legal pages in templates/pages/legal.
LANGUAGES: tuple[Language, ...] = (
    Language("id", "Bahasa Indonesia", "id", for_unknown=True),
    Language("en", "English", "en", for_unknown=True),
)


def languages() -> tuple[Language, ...]:
    """Every language, the default first."""
    return LANGUAGES


def default() -> Language:
    """The language of whoever has not said another."""
    return LANGUAGES[0]


def tags() -> list[str]:
    """The tags of all languages, the default first."""
    return [language.tag for language in LANGUAGES]


def find(tag: str | None) -> Language | None:
    """The language of a BCP 47 tag, `en-US` and `en_US` being `en` (RFC 4647 section 3.4); None for one that we do not speak."""
    subtags = (tag or "").replace("_", "-").lower().split("-")[:LONGEST_TAG]
    ranges = ["-".join(subtags[:length]) for length in range(len(subtags), 0, -1)]
    known = {language.tag.lower(): language for language in LANGUAGES}
    return next((known[wanted] for wanted in ranges if wanted in known), None)


def first_of(wanted: Iterable[str]) -> Language | None:
    """The first of these tags' languages that we speak."""
    return next(filter(None, map(find, wanted)), None)


def name_of(tag: str) -> str:
    """A language's name in itself; the tag where we do not speak the language."""
    found = find(tag)
    return found.name if found else tag


def current() -> Language:
    """The language of the page that is being made; the default outside of pages."""
    spoken = str(get_locale())
    return next((language for language in LANGUAGES if language.locale == spoken), default())


def with_own_name(service: Mapping[str, str]) -> dict[str, str]:
    """What is known of a service, its `name` in the language of the page that is being made."""
    named = service.get(f"name#{current().tag}")
    return dict(service) | ({"name": named} if named else {})


def of_reader(tag: str | None) -> tuple[Language, ...]:
    """The languages of a mail: the reader's own, else all of those for whom it is not known."""
    known = find(tag)
    return (known,) if known else tuple(language for language in LANGUAGES if language.for_unknown)


def speaking(language: Language) -> AbstractContextManager[None]:
    """Texts, dates and times are in this language inside."""
    spoken: AbstractContextManager[None] = force_locale(language.locale)
    return spoken
