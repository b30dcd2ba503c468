"""`idp demo`: Dukcapil's stand-in over HTTP, and fictional people with accounts, to try everything without anybody real."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from idp.cli import OperatorError, application
from idp.core.settings import ConfigError, load_settings

if TYPE_CHECKING:
    from idp.gateways.demo_registry import Citizen

PASSWORD = "Contoh#Sandi2026"
ROLES = {2: ["company"], 3: ["training_participant"], 4: ["institution"]}
SEEDED = 6  # the other citizens have no account yet: for trying the registration
PEOPLE = click.option(
    "--citizens",
    "path",
    type=click.Path(path_type=Path),
    help="A YAML file of fictional people; else those that come with the provider.",
)


@click.group()
def demo() -> None:
    """Try everything without anybody real."""


@demo.command()
@PEOPLE
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True)
@click.option("--user", default="demo", show_default=True)
@click.option("--password", default="demo", show_default=True)
def registry(path: Path | None, host: str, port: int, user: str, password: str) -> None:
    """Serve the stand-in for Dukcapil until interrupted; it knows only province 99."""
    from idp.gateways.demo_registry import CITIZENS, Registry, citizens, server

    people = citizens(path or CITIZENS)
    try:
        serving = server(host, port, Registry(people, user, password))
    except (OSError, SystemExit):
        raise OperatorError(f"Port {port} of {host} cannot be listened on: choose another with --port.") from None
    url = f"http://{user}:{password}@{host}:{serving.server_port}/dukcapil/get_json/DEMO"
    click.echo(f"Serving {len(people)} fictional citizens; set IDP_CIVIL_REGISTRY_URL={url}")
    try:
        serving.serve_forever()
    except KeyboardInterrupt:
        click.echo("Stopped.")
    finally:
        serving.server_close()


@demo.command()
@PEOPLE
def seed(path: Path | None) -> None:
    """Create accounts for the first fictional people, and print how to sign in as them."""
    if load_settings().production:
        raise ConfigError("IDP_ENVIRONMENT is production: fictional accounts with a known password have no place there.")
    from idp.gateways.demo_registry import CITIZENS, citizens

    people = citizens(path or CITIZENS)[:SEEDED]
    with application():
        created = sum(_seed_one(number, citizen) for number, citizen in enumerate(people, 1))
    click.echo(f"Password of all: {PASSWORD}  ({created} created, {len(people) - created} were there)")


def _seed_one(number: int, citizen: "Citizen") -> bool:
    """Prints how to sign in as this person; creates the account and returns True unless it exists."""
    from idp import accounts
    from idp.accounts import hashing
    from idp.core.values import ACR_FULL, EmailAddress, FullName, Nik, PhoneNumber

    nik, name = Nik.parse(citizen.nik), FullName.parse(citizen.name)
    # Not 0001 to 0007: such endings make the stand-in gateway fail.
    phone = PhoneNumber.parse(f"0812000010{number:02}")
    email = EmailAddress.parse(f"{citizen.name.split()[0].lower()}@example.com")
    click.echo(f"{nik.value}  {phone.local}  {email.value}  {citizen.name}")
    if accounts.find_by_nik(nik) is not None:
        return False
    hashed = hashing.hash_password(PASSWORD)
    account = accounts.create(nik, name, phone, email, hashed, acr=ACR_FULL, email_verified=True)
    accounts.assign_roles(account, ROLES.get(number, ["jobseeker"]))
    return True
