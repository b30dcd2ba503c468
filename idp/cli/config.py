"""`idp config`: whether the settings are usable, and the table of all settings for the documentation."""

import stat
from typing import Any

import click
from pydantic.fields import FieldInfo

from idp.cli import OperatorError
from idp.core import lifetimes
from idp.core.settings import ConfigError, Settings, environment_notices, load_settings


@click.group()
def config() -> None:
    """Check the settings, or list them."""


@config.command()
@click.option("--connect", is_flag=True, help="Also ask the store and the database whether they answer.")
def check(connect: bool) -> None:
    """Say whether the provider would start with these settings."""
    from idp import create_app
    from idp.limits import rate_limits

    loaded = load_settings()
    rate_limits.limits_with_settings(loaded)
    _refuse_readable_secrets(loaded)
    app = create_app(loaded)
    if connect:
        with app.app_context():
            _answers()
    for sentence in environment_notices(loaded):
        click.echo(sentence)
    click.echo(f"All well: {loaded.environment}, issuer {loaded.issuer}.")


@config.command()
def table() -> None:
    """Print every setting, and how long everything lasts, as Markdown tables."""
    click.echo(settings_table())
    click.echo(f"\n{lifetimes.table()}")


def settings_table() -> str:
    """One row per field of Settings: variable, default, meaning."""
    rows = [_row(name, field) for name, field in Settings.model_fields.items()]
    return "\n".join(["| Variable | Default | Meaning |", "|---|---|---|", *rows])


def _row(name: str, field: FieldInfo) -> str:
    meaning = (field.description or "").replace("|", "\\|")
    return f"| `IDP_{name.upper()}` | {_default(field)} | {meaning} |"


def _default(field: FieldInfo) -> str:
    value: Any = field.get_default(call_default_factory=True, validated_data={})
    if field.is_required():
        return "required"
    return f"`{value}`" if value not in (None, "", (), {}) else "none"


def _refuse_readable_secrets(loaded: Settings) -> None:
    path = loaded.secrets_file
    if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ConfigError(f"{path} can be read by others: run `chmod 600 {path}`.")


def _answers() -> None:
    from sqlalchemy import inspect

    from idp.accounts import opens_what_is_sealed
    from idp.cli.database import refuse_older_tables
    from idp.storage.database import db
    from idp.storage.redis_store import store

    store().ping()
    if not inspect(db.engine).has_table("audit_events"):
        raise OperatorError("The database lacks its tables: run `idp db upgrade`.")
    refuse_older_tables()
    if not opens_what_is_sealed():
        raise OperatorError("IDP_SECRETS_FILE has other keys than those that sealed the accounts: restore it from your safe.")
