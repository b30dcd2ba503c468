"""`idp clients`: check the file of relying parties, add to it, see what a change means, and try a client out."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from idp.cli import OperatorError, application
from idp.cli.stacks import STACKS
from idp.core import languages
from idp.core.printable import printable
from idp.core.settings import load_settings

if TYPE_CHECKING:
    from idp.oidc.clients.client import Client

FILE = click.option("--file", "path", type=click.Path(path_type=Path), help="The file; else the setting clients_file.")
AUTH_METHODS = ["client_secret_basic", "client_secret_post", "client_secret_any", "none"]
TRIED = ["client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none"]


def signing_alg(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """One that we sign with; fails for any other."""
    from idp.oidc import algorithms

    if value not in (None, *algorithms.signing_names()):
        raise click.BadParameter(f"must be one of {', '.join(algorithms.signing_names())}.", ctx, param)
    return value


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
@click.option("--for", "stack", type=click.Choice(sorted(STACKS)), help="What it is built on: the entry fits that.")
@click.option("--url", help="The service's address, with --for; else the one usual while it is being developed.")
@click.option("--redirect-uri", "redirect_uris", multiple=True, help="Where answers go; several times for several addresses.")
@click.option("--post-logout-redirect-uri", "post_logout_redirect_uris", multiple=True, help="Where people go after a logout.")
@click.option("--scope", default="openid profile email", show_default=True, help="What it may ask for.")
@click.option("--public", is_flag=True, help="It cannot keep a secret: an app, or a page without a server.")
@click.option("--native", is_flag=True, help="An app on people's own machines; it may use any loopback port.")
@click.option("--first-party", is_flag=True, help="A service of the ministry: people are not asked for consent.")
@click.option("--alg", callback=signing_alg, help="Signs its ID tokens; RS256 unless told.")
@click.option("--auth-method", type=click.Choice(AUTH_METHODS), help="How it sends its secret; either way unless told.")
@click.option("--write", is_flag=True, help="Put the entry into the file, and print the service's lines to standard output.")
@FILE
def add(client_id: str, path: Path | None, write: bool, **asked: Any) -> None:
    """Make an entry for CLIENT_ID, and the lines that its service needs; the secret is shown this once.

    Without --write the entry goes to standard output and the secret to standard error only, so that
    `idp clients add … >> clients.yaml` never writes it to a file. With --for and --write the lines go to
    standard output: `idp clients add … --for flask --write > .env`.
    """
    from idp.cli import client_entries

    settings = load_settings()
    path = path or settings.clients_file
    begun = _first_lines(path, client_id)
    stack = STACKS[asked["stack"]] if asked["stack"] else None
    entry, secret = client_entries.made(client_id, asked)
    client_entries.refuse_unsound(entry, path, production=settings.production)
    if write:
        client_entries.append(path, entry)
        click.echo(f"{client_id} is in {path}: a running provider knows it within a second.", err=True)
    else:
        click.echo(begun + client_entries.as_yaml(entry), nl=False)
    if secret and not (stack and write):
        click.echo(f"The secret of {client_id}, shown this once: {secret}", err=True)
    if stack:
        click.echo(f"For {stack.title}, in {stack.file}; docs/stacks/{asked['stack']}.md has the program:", err=True)
        click.echo(client_entries.lines(stack, entry, secret, settings.issuer), nl=False, err=not write)


@clients.command("hash")
def hash_command() -> None:
    """Print the client_secret_hash of a secret that exists already: typed twice, or from standard input."""
    from idp.oidc.clients.client import hash_secret
    from idp.oidc.clients.file import MIN_SECRET_LENGTH

    terminal = sys.stdin.isatty()
    typed = click.prompt("Secret", hide_input=True, confirmation_prompt=True, err=True) if terminal else sys.stdin.readline()
    secret = str(typed).strip()
    if len(secret) < MIN_SECRET_LENGTH:  # the hash is a fast one: what can be guessed would be found from it
        raise OperatorError(
            f"The secret has {len(secret)} characters, and {MIN_SECRET_LENGTH} are the least: `idp clients add` makes a new one."
        )
    click.echo(f"client_secret_hash: {hash_secret(secret)}")


def _first_lines(path: Path, client_id: str) -> str:
    """What must stand before an entry that is appended; raises OperatorError when the file has this client already."""
    from idp.oidc.clients import file

    text = path.read_text() if path.exists() else ""  # the shell has made it already when we are to begin it
    if not text.strip():
        return "clients:\n"
    if client_id in file.read(path)[0]:
        raise OperatorError(f"{client_id} is in {path} already: choose another client_id, or change its entry.")
    return "" if text.endswith("\n") else "\n"


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
@click.option(
    "--key-file", type=click.File(), help="File with the service's private key, PEM or JWK, where it signs or decrypts."
)
@click.option("--auth-method", type=click.Choice(TRIED), help="How the service proves itself in fact; else as it is registered.")
@click.option("--identifier", help="Sign in as this person (NIK, number or address); the password is asked for.")
@FILE
def try_client(client_id: str, path: Path | None, **asked: Any) -> None:
    """Walk through a sign-in for CLIENT_ID at the running provider, and explain each step."""
    from idp.cli.trial import Trial
    from idp.oidc.clients import file
    from idp.oidc.clients.service_keys import ServiceKey

    settings = load_settings()
    client = file.load(path or settings.clients_file).get(client_id)
    if client is None:
        raise OperatorError(f"{client_id} is not in the file: see `idp clients check`.")
    secret = asked["secret_file"].read().strip() if asked["secret_file"] else client.plain_secret()
    key = ServiceKey.read(asked["key_file"].read()) if asked["key_file"] else None
    password = click.prompt("Password", hide_input=True, err=True) if asked["identifier"] else ""
    person = (asked["identifier"], password) if asked["identifier"] else None
    trial = Trial(client, asked["issuer"] or settings.issuer, secret, person, key, asked["auth_method"] or "")
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
