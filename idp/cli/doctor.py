"""`idp doctor`: everything that an operator can get wrong in a running installation, on one screen, with its cure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import click

from idp.cli import OperatorError, application, doctor_network, doctor_stores, operator_errors
from idp.core.settings import Settings, environment_notices, load_settings

Check = Callable[[Settings], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to look at: `asks` yields a sentence for each thing that is wrong. `needs` names a question before it."""

    name: str
    asks: Check
    needs: str = ""


def _settings(loaded: Settings) -> Iterator[str]:
    yield from environment_notices(loaded)
    if loaded.production and not loaded.trusted_proxies and loaded.bind in ("127.0.0.1", "::1"):
        yield "IDP_TRUSTED_PROXIES is empty: behind a proxy everybody has its address; name it, such as 127.0.0.1."
    if loaded.production and not (loaded.management_port or loaded.metrics_token or loaded.metrics_from):
        yield "Nobody may read /metrics: set IDP_MANAGEMENT_PORT, or nobody hears of trouble before people do."


def _clients(loaded: Settings) -> Iterator[str]:
    from idp.core.settings import ConfigError
    from idp.oidc.clients import file

    try:
        file.load(loaded.clients_file, production=loaded.production)
    except ConfigError as wrong:
        yield from str(wrong).splitlines()


# What can be looked at without the application, which does not begin where the clients cannot be read.
FIRST = (
    Question("settings", _settings),
    Question("clients", _clients),
    Question("secrets", doctor_stores.secrets),
    Question("disk", doctor_stores.disk),
    Question("names", doctor_network.names),
    Question("provider", doctor_network.provider),
    Question("certificate", doctor_network.certificate),
)
THEN = (
    Question("database", doctor_stores.database, "clients"),
    Question("keys of the accounts", doctor_stores.keys_fit, "database"),
    Question("signing keys", doctor_stores.signing_keys, "database"),
    Question("redis", doctor_stores.redis, "clients"),
    Question("clocks", doctor_stores.clocks, "redis"),
    Question("what waits", doctor_stores.queues, "redis"),
    Question("audit trail", doctor_stores.trail_grows, "redis"),
)


@click.command()
def doctor() -> None:
    """Look at everything that can be wrong in a running installation, and say how to mend it. Changes nothing."""
    loaded = load_settings()
    ill: dict[str, int] = {}
    _ask(FIRST, loaded, ill)
    if ill["clients"]:
        _ask(THEN, loaded, ill)
    else:
        with application(audited=False):
            _ask(THEN, loaded, ill)
    wrong = sum(ill.values())
    if wrong:
        raise OperatorError(f"{wrong} {'thing is' if wrong == 1 else 'things are'} to be mended, see above.")


def _ask(questions: tuple[Question, ...], loaded: Settings, ill: dict[str, int]) -> None:
    """Prints a line or more for each; `ill` counts what was found under each name."""
    for question in questions:
        if ill.get(question.needs, question.needs not in ill and bool(question.needs)):
            click.echo(f"--  {question.name}: not looked at, since {question.needs} is to be mended first.")
            continue
        found = list(_asked(question, loaded))
        ill[question.name] = len(found)
        for sentence in found or ["well."]:
            click.echo(f"{'!!' if found else 'ok'}  {question.name}: {sentence}")


def _asked(question: Question, loaded: Settings) -> Iterator[str]:
    try:
        with operator_errors():
            yield from question.asks(loaded)
    except OperatorError as sentence:
        yield sentence.message
