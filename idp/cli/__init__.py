"""The operator's commands: `idp`. A mistake gets one sentence that names the place and the cure, and exit code 2."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from idp.core.settings import ConfigError

if TYPE_CHECKING:
    from flask import Flask

# Each command in a module of its own, imported when asked for: `idp config check` must not need a running store.
COMMANDS = {
    "accounts": "idp.cli.accounts:accounts",
    "audit": "idp.cli.audit:audit",
    "backup": "idp.cli.backup:backup",
    "clients": "idp.cli.clients:clients",
    "config": "idp.cli.config:config",
    "db": "idp.cli.database:database",
    "demo": "idp.cli.demo:demo",
    "doctor": "idp.cli.doctor:doctor",
    "explain": "idp.cli.explain:explain",
    "keys": "idp.cli.keys:keys",
    "limits": "idp.cli.limits:limits",
    "notices": "idp.cli.notices:notices",
    "otp": "idp.cli.otp:otp",
    "outbox": "idp.cli.outbox:outbox",
    "retention": "idp.cli.retention:retention",
    "recovery": "idp.cli.recovery:recovery",
    "secrets": "idp.cli.secrets:secrets",
    "serve": "idp.cli.serve:serve",
}


class OperatorError(click.ClickException):
    """An operator's mistake or an outage, as one sentence; exit code 2, no traceback."""

    exit_code = 2


class Commands(click.Group):
    """A group that imports a command when it is named, and words every foreseeable failure."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command; its module is imported only now, so that `idp` starts fast."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; raises Mistake for what an operator can mend."""
        with operator_errors():
            return super().invoke(ctx)


@contextmanager
def operator_errors() -> Iterator[None]:
    """Turns the failures that an operator can mend into one sentence each."""
    from sqlalchemy.exc import DBAPIError

    from idp.cli import outages
    from idp.storage.redis_store import StoreUnavailable

    try:
        yield
    except ConfigError as wrong:
        raise OperatorError(str(wrong)) from None
    except StoreUnavailable as away:
        raise OperatorError(outages.store_sentence(str(away))) from None
    except DBAPIError as failed:
        raise OperatorError(outages.database_sentence(failed)) from None


@contextmanager
def application(*, audited: bool = True) -> Iterator["Flask"]:
    """The application with its context pushed, for commands that need stores; its audit events reach SQL at the end,
    unless the command takes their tables away."""
    from idp import create_app
    from idp.audit.trail import drain_all
    from idp.storage.database import db
    from idp.storage.redis_store import store

    app = create_app()
    with app.app_context():
        try:
            yield app
            if audited:
                drain_all()
        finally:
            db.session.remove()  # first: a connection in use outlives the pool that it came from, open
            db.engine.dispose()
            store().close()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="siapkerja-id", message="%(version)s")
def main() -> None:
    """SIAPkerja ID: one account for every service of the ministry."""
