"""`idp clients`: check the file of relying parties, add to it, see what a change means, and try a client out."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from idp.cli import OperatorError, application
from idp.core import languages
from idp.core.printable import printable
from idp.core.settings import load_settings

if TYPE_CHECKING:
    from idp.oidc.clients.client import Client

FILE = click.option("--file", "path", type=click.Path(path_type=Path), help="The file; else the setting clients_file.")
# What a change of a member means for people and services that are using the client now.
CONSEQUENCES = {
    "subject_type": "every person gets another `sub` there: the service no longer recognises them",
    "sector_identifier_uri": "every person gets another `sub` there, if subject_type is pairwise",
    "redirect_uris": "requests with an address that is no longer listed end on our error page",
    "post_logout_redirect_uris": "after a logout nobody is sent to an address that is no longer listed",
    "client_secret_hash": "the service must have the new secret at the same moment",
    "token_endpoint_auth_method": "the service must change over at the same moment",
    "id_token_signed_response_alg": "the service must accept the new algorithm",
    "scope": "people may be asked for their consent again",
    "claims": "people may be asked for their consent again",
    "first_party": "it decides whether people are asked for their consent",
    "pkce": "a service that sends no code challenge needs `optional`",
}


def _names(command: Callable[..., None]) -> Callable[..., None]:
    """An option for the name in each language besides the default one: `--name-en`."""
    for language in languages.languages()[1:]:
        command = click.option(f"--name-{language.tag}", _name_in(language.tag), help=f"The same in {language.name}.")(command)
    return command


def _name_in(tag: str) -> str:
    return f"name_{tag.replace('-', '_').lower()}"


@click.group()
def clients() -> None:
    """Check, add, compare or try relying parties; the file is the source of truth."""


@clients.command()
@FILE
def check(path: Path | None) -> None:
    """Say what is wrong with the file, by line; or list its clients."""
    from idp.oidc.clients import file

    settings = load_settings()
    path = path or settings.clients_file
    known = file.load(path, production=settings.production)
    for client in known.values():
        grants = " ".join(grant.rpartition(":")[2] for grant in client.grant_types)
        click.echo(
            f"{client.client_id:24} {client.token_endpoint_auth_method:20} {client.id_token_signed_response_alg:6} {grants}"
        )
    click.echo(f"All well: {len(known)} clients in {path}.")


@clients.command()
@click.option("--uses", type=click.IntRange(1, 1000), default=1, show_default=True, help="How many services may use it.")
@click.option("--days", type=click.IntRange(1, 365), default=7, show_default=True, help="How long it is good for.")
def token(uses: int, days: int) -> None:
    """Print an initial access token: with it a service can register itself (RFC 7591)."""
    from idp.oidc.clients import registration

    with application():
        click.echo(registration.issue_initial_access_token(uses, days * 86400))


@clients.command()
@click.argument("client_id")
@click.option("--name", required=True, help="What people see.")
@_names
@click.option("--redirect-uri", "redirect_uris", multiple=True, help="Where answers go; several times for several addresses.")
@click.option("--post-logout-redirect-uri", "post_logout_redirect_uris", multiple=True, help="Where people go after a logout.")
@click.option("--scope", default="openid profile email", show_default=True)
@click.option("--public", is_flag=True, help="It cannot keep a secret: an app, or a page without a server.")
@click.option("--native", is_flag=True, help="An app on people's own machines; it may use any loopback port.")
@click.option("--first-party", is_flag=True, help="A service of the ministry: people are not asked for consent.")
@FILE
def add(client_id: str, path: Path | None, **asked: Any) -> None:
    """Print an entry for CLIENT_ID to standard output, and its secret, this once, to standard error.

    So `idp clients add wlkp --name WLKP … >> clients.yaml` never writes the secret to a file; it may be the file's first.
    """
    from idp.core import crypto
    from idp.oidc.clients import file
    from idp.oidc.clients.client import hash_secret

    path = path or load_settings().clients_file
    first = not path.exists() or not path.read_text().strip()  # the shell has made it already when we are to begin it
    if not first and client_id in file.read(path)[0]:
        raise OperatorError(f"{client_id} is in {path} already: choose another client_id, or change its entry.")
    secret = None if asked["public"] else crypto.random_token()
    entry = _entry(client_id, hash_secret(secret) if secret else None, asked)
    _, wrong = file.parse_entry(entry, path, 1)
    if wrong:
        raise OperatorError(wrong[0].sentence)
    click.echo(("clients:\n" if first else "") + _as_yaml(entry), nl=False)
    if secret:
        click.echo(f"The secret of {client_id}, shown this once: {secret}", err=True)


@clients.command()
@click.argument("proposed", type=click.Path(path_type=Path))
@FILE
def diff(proposed: Path, path: Path | None) -> None:
    """Show what the file PROPOSED would change, and what each change means for those who use the client now."""
    from idp.oidc.clients import file

    old = file.load(path or load_settings().clients_file)
    new = file.load(proposed)
    lines = [line for client_id in sorted(old.keys() | new.keys()) for line in _changes(client_id, old, new)]
    for line in lines or ["Nothing changes."]:
        click.echo(line)


@clients.command("try")
@click.argument("client_id")
@click.option("--issuer", help="Another provider than the one of the settings.")
@click.option("--secret-file", type=click.File(), help="File with the client's secret; - for standard input.")
@click.option("--identifier", help="Sign in as this person (NIK, number or address); the password is asked for.")
@FILE
def try_client(client_id: str, issuer: str | None, secret_file: Any, identifier: str | None, path: Path | None) -> None:
    """Walk through a sign-in for CLIENT_ID at the running provider, and explain each step."""
    from idp.cli.trial import Trial
    from idp.oidc.clients import file

    settings = load_settings()
    client = file.load(path or settings.clients_file).get(client_id)
    if client is None:
        raise OperatorError(f"{client_id} is not in the file: see `idp clients check`.")
    secret = secret_file.read().strip() if secret_file else client.plain_secret()
    password = click.prompt("Password", hide_input=True, err=True) if identifier else ""
    trial = Trial(client, issuer or settings.issuer, secret, (identifier, password) if identifier else None)
    for told in trial.steps():
        click.echo(told)


@clients.command()
def logouts() -> None:
    """Show how the notices of ended sessions fare, by client: waiting, delivered, given up, and the last answer."""
    from idp.oidc.logout import back_channel

    with application():
        for known in back_channel.statuses():
            counts = f"waiting {known.pending}  delivered {known.delivered}  given up {known.failed}"
            click.echo(printable(f"{known.client_id:24} {counts}  {known.last_answer}"))


def _entry(client_id: str, secret_hash: str | None, asked: dict[str, Any]) -> dict[str, Any]:
    entry = {
        "client_id": client_id,
        "client_name": asked["name"],
        **{f"client_name#{tag}": asked[_name_in(tag)] for tag in languages.tags()[1:]},
        "application_type": "native" if asked["native"] else None,
        "redirect_uris": list(asked["redirect_uris"]),
        "post_logout_redirect_uris": list(asked["post_logout_redirect_uris"]) or None,
        "scope": asked["scope"],
        "token_endpoint_auth_method": None if secret_hash else "none",
        "client_secret_hash": secret_hash,
        "id_token_signed_response_alg": "ES256",
        "first_party": asked["first_party"] or None,
    }
    return {member: value for member, value in entry.items() if value is not None}


def _as_yaml(entry: dict[str, Any]) -> str:
    """The entry as an item of the file's list."""
    from io import StringIO

    from ruamel.yaml import YAML

    written, yaml = StringIO(), YAML()
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.dump([entry], written)
    return written.getvalue()


def _changes(client_id: str, old: "dict[str, Client]", new: "dict[str, Client]") -> list[str]:
    if client_id not in old:
        return [f"+ {client_id}: people can sign in there"]
    if client_id not in new:
        return [f"- {client_id}: nobody can sign in there any more, its tokens die"]
    before, after = old[client_id].model_dump(), new[client_id].model_dump()
    return [_change(client_id, member, before[member], after[member]) for member in before if before[member] != after[member]]


def _change(client_id: str, member: str, before: Any, after: Any) -> str:
    shown = "another one" if "secret" in member else f"{_shown(before)} -> {_shown(after)}"
    meaning = CONSEQUENCES.get(member)
    return f"~ {client_id} {member}: {shown}{f' ({meaning})' if meaning else ''}"


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(str, value))}]"
    return "nothing" if value in (None, "") else str(value)
