"""`idp secrets`: make the file with all key material, once, and rotate its rings."""

from pathlib import Path

import click

from idp.cli import OperatorError, application
from idp.core.key_rings import RINGS, write_new_secrets
from idp.core.key_rings import retire as take_out
from idp.core.key_rings import rotate as rotate_ring
from idp.core.settings import load_settings

RING = click.argument("ring", type=click.Choice(RINGS))

NEXT = {
    "sealing": "Run `idp secrets reseal` to seal what the older keys sealed.",
    "index": "Run `idp secrets reseal` to index what the older keys indexed.",
    "pepper": "Each password moves to it when its owner next signs in.",
}


@click.group()
def secrets() -> None:
    """Make the key material, and rotate it."""


@secrets.command()
@click.option("--file", "path", type=click.Path(path_type=Path), help="Where to write; else the setting secrets_file.")
def new(path: Path | None) -> None:
    """Write fresh keys with mode 0600; an existing file is never touched."""
    path = path or load_settings().secrets_file
    if path.exists():
        raise OperatorError(f"{path} exists: without its keys every account is unreadable, so move it away yourself first.")
    try:
        write_new_secrets(path)
    except OSError as refused:
        raise OperatorError(f"{path} cannot be written ({refused.strerror}): choose another place with --file.") from None
    click.echo(f"Wrote {path}. Keep a copy in a safe: what is sealed with these keys opens with nothing else.")


@secrets.command()
@RING
@click.option("--stage", is_flag=True, help="Only add the key: the next rotation lets it write. For several machines.")
def rotate(ring: str, stage: bool) -> None:
    """Let a new key of RING write; the older ones read on. Running processes take it over within seconds.

    With several machines: `--stage` first, copy the file to each of them, then rotate and copy again.
    """
    path = load_settings().secrets_file
    key_id = rotate_ring(path, ring, stage=stage)
    if stage:
        click.echo(f"{key_id} reads in the ring {ring}: copy {path} to every machine, then run `idp secrets rotate {ring}`.")
        return
    click.echo(f"{key_id} writes in the ring {ring}. {NEXT[ring]} Put a copy of {path} in the safe.")


@secrets.command()
def reseal() -> None:
    """Seal and index every row with the keys that write now, showing how far it is, while the provider runs on."""
    from idp.maintenance import resealing

    stuck = 0
    with application():
        last: dict[str, resealing.Progress] = {}
        for progress in resealing.run():
            if progress.name in last and progress.sealed > last[progress.name].sealed:
                click.echo(f"{progress.name}: {progress.sealed} of {progress.total}", err=True)
            last[progress.name] = progress
        for progress in last.values():
            stuck += progress.stuck
            click.echo(f"{progress.name}: {progress.sealed} sealed anew" + f", {progress.stuck} stuck" * bool(progress.stuck))
    if stuck:
        raise OperatorError(f"{stuck} rows could not be sealed anew: see the log, and keep the older keys.")


@secrets.command()
@RING
@click.argument("key_id")
def retire(ring: str, key_id: str) -> None:
    """Take KEY_ID out of RING, once no row needs it any more; put the old file in the safe first."""
    from idp.maintenance import resealing

    with application():
        needed = resealing.rows_needing_key(ring, key_id)
    if needed:
        rows = ", ".join(f"{number} in {name}" for name, number in needed.items())
        raise OperatorError(f"{key_id} is still needed ({rows}): run `idp secrets reseal`, or wait until they are gone.")
    take_out(load_settings().secrets_file, ring, key_id)
    click.echo(f"{key_id} is out of the ring {ring}.")
