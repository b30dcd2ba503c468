"""`idp demo`: Dukcapil's stand-in over HTTP, and fictional people with accounts, to try everything without anybody real."""

from pathlib import Path
from typing import Any

import click

from idp.cli import OperatorError, application
from idp.cli.fictional_people import PASSWORD, SEEDED, seed_one
from idp.cli.stacks import STACKS
from idp.core.settings import ConfigError, load_settings

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
        created = sum(seed_one(number, citizen) for number, citizen in enumerate(people, 1))
    click.echo(f"Password of all: {PASSWORD}  ({created} created, {len(people) - created} were there)")


@demo.command()
@click.option(
    "--redirect-uri", "redirect_uris", multiple=True, help="Where answers go; http://localhost:8000/callback unless told."
)
@click.option("--for", "stack", type=click.Choice(sorted(STACKS)), help="What your service is built on, instead of the address.")
@click.option("--url", help="The address of your service, with --for.")
@click.option("--post-logout-redirect-uri", "post_logout_redirect_uris", multiple=True, help="Where people go after a logout.")
@click.option("--backchannel-logout-uri", help="Where your service hears of sign-outs that began elsewhere.")
@click.option("--client-id", default="layanan-saya", show_default=True)
@click.option("--public", is_flag=True, help="Your service cannot keep a secret.")
@click.option("--consent", is_flag=True, help="People are asked what you may see, as for services of others than the ministry.")
@click.option("--port", default=5000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--var", type=click.Path(path_type=Path, file_okay=False), help="Keep people and keys here; else all is forgotten.")
def provider(port: int, var: Path | None, **asked: Any) -> None:
    """Serve a provider for a service of yours on this machine, with people of every kind, until interrupted."""
    from idp.cli import simulator

    simulator.serve(port, var, asked)
