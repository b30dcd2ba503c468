"""`idp keys`: which keys sign, the next ones a day ahead, and the end of one that leaked."""

import click

from idp.cli import OperatorError, application


class Algorithm(click.ParamType[str]):
    """One of the algorithms that we sign with, or all of them."""

    name = "algorithm"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """What may stand there, as the help shows it."""
        return f"[{'|'.join(self._names())}]"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name; fails for one that we do not sign with."""
        if value not in self._names():
            self.fail(f"{value!r} is not one of {', '.join(self._names())}.", param, ctx)
        return value

    @staticmethod
    def _names() -> tuple[str, ...]:
        from idp.oidc import algorithms

        return (*algorithms.signing_names(), "all")


ALG = click.argument("alg", type=Algorithm())
YES = click.option("--yes", is_flag=True, help="Do not ask.")


@click.group()
def keys() -> None:
    """List, rotate or retire the keys that sign tokens."""


@keys.command("list")
def list_keys() -> None:
    """Show every published key: algorithm, state, since when it signs, id."""
    from idp.oidc.tokens import signing_keys as signing

    with application():
        for kid, alg, state, active_from in signing.list_keys():
            click.echo(f"{alg:6} {state:9} {_since(state, active_from):32} {kid}")


@keys.command()
@ALG
@click.option("--at-once", is_flag=True, help="Sign with it now: for a key that leaked. Clients that cache our keys may stumble.")
@YES
def rotate(alg: str, at_once: bool, yes: bool) -> None:
    """Publish a next key for ALG. It signs after 24 hours, when every client has seen it."""
    from idp.oidc import algorithms
    from idp.oidc.tokens import signing_keys as signing

    if at_once and not yes:
        click.confirm("Clients that cache our keys refuse tokens for some minutes. Go on?", abort=True)
    with application():
        for one in algorithms.signing_names() if alg == "all" else (alg,):
            if not at_once:
                _refuse_a_second_next(one)
            kid = signing.rotate(one, at_once=at_once)
            click.echo(f"{one}: {kid} is published and signs {'from now on' if at_once else 'in 24 hours'}.")


@keys.command()
@click.argument("kid")
@YES
def retire(kid: str, yes: bool) -> None:
    """Take the key KID out of use at once: nothing that it signed is believed any more."""
    from idp.oidc.tokens import signing_keys as signing

    if not yes:
        click.confirm("Every token that it signed is refused from now on. Go on?", abort=True)
    with application():
        if not signing.retire(kid):
            raise OperatorError("No published key has this id: see `idp keys list`.")
        click.echo(f"{kid} is retired and its private part erased; the other servers follow within half a minute.")


def _refuse_a_second_next(alg: str) -> None:
    from idp.oidc.tokens import signing_keys as signing

    if any(known == alg and state == "next" for _, known, state, _ in signing.list_keys()):
        raise OperatorError(f"{alg} has a next key already, published and waiting: see `idp keys list`, or retire it first.")


def _since(state: str, active_from: int) -> str:
    from idp.core import clock

    if not active_from:
        return "signs from the start"
    moment = clock.wib(clock.from_timestamp(active_from)).strftime("%Y-%m-%d %H:%M WIB")
    return f"{'signs from' if state == 'next' else 'signs since'} {moment}"
