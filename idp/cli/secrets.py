"""`idp secrets`: make the file with all key material, once."""

from pathlib import Path

import click

from idp.cli import Mistake
from idp.config import load_settings
from idp.secret_rings import write_new_secrets


@click.group()
def secrets() -> None:
    """Make the key material."""


@secrets.command()
@click.option("--file", "path", type=click.Path(path_type=Path), help="Where to write; else the setting secrets_file.")
def new(path: Path | None) -> None:
    """Write fresh keys with mode 0600; an existing file is never touched."""
    path = path or load_settings().secrets_file
    if path.exists():
        raise Mistake(f"{path} exists: without its keys every account is unreadable, so move it away yourself first.")
    try:
        write_new_secrets(path)
    except OSError as refused:
        raise Mistake(f"{path} cannot be written ({refused.strerror}): choose another place with --file.") from None
    click.echo(f"Wrote {path}. Keep a copy in a safe: what is sealed with these keys opens with nothing else.")
