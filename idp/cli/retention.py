"""`idp retention`: remove what is past its time."""

import click

from idp.cli import OperatorError, application


@click.group()
def retention() -> None:
    """Keep nothing longer than the law and our promise allow."""


@retention.command()
def run() -> None:
    """Remove everything past its time, showing how far it is; can be interrupted and run again at any time.

    A running provider does the same once a day by itself.
    """
    from idp.maintenance import retention as job

    failed = []
    with application():
        for progress in job.run():
            if progress.failed:
                failed.append(progress.kept.name)
            if progress.failed or progress.done:
                end = f"stopped ({progress.failed})" if progress.failed else "done"
                click.echo(f"{progress.kept.name}, kept {progress.kept.time}: {progress.removed} removed, {end}")
            else:
                click.echo(f"{progress.kept.name}: {progress.removed} removed so far", err=True)
    if failed:
        raise OperatorError(f"Not everything could be removed ({', '.join(failed)}): see the log, then run this again.")
