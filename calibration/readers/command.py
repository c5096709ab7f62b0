"""`python -m calibration import SOURCE FILE... -o OUT.csv`: an agency's files to a long table."""

from __future__ import annotations

from pathlib import Path

import click

from calibration.readers.importing import READERS, import_files
from calibration.readers.reading import Options
from floormodel.errors import FloormodelError

FILE = click.Path(path_type=Path)


@click.command("import")
@click.argument("source", type=click.Choice(list(READERS)))
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="FILE...")
@click.option("-o", "--output", type=FILE, help="The long table; default: the name of the first FILE with _long.csv, in this folder.")
@click.option("--mineral", default="", help="Keep one mineral; names it where the file does not.")
@click.option("--codes", default="", help="Keep these customs codes, separated by commas (baci, dataweb).")
@click.option("--edition", default="", help="The edition, where the file does not say it.")
@click.option("--accept-new-data", is_flag=True, help="Take a file that has changed since its last import.")
def import_command(source: str, files: tuple[Path, ...], output: Path | None, mineral: str, codes: str, edition: str,
                   accept_new_data: bool) -> None:
    """Turn FILEs that a SOURCE publishes into one long table, a number a row with its flag."""
    out = output or Path(f"{files[0].stem}_long.csv")
    options = Options(mineral, tuple(c.strip() for c in codes.split(",") if c.strip()), edition)
    try:
        count, warnings = import_files(source, files, out, options, accept_new_data)
    except FloormodelError as exc:
        raise click.ClickException(str(exc)) from exc
    for warning in warnings:
        click.echo(f"warning {warning}", err=True)
    click.echo(f"{out}: {count} rows from {source}, {len(warnings)} warnings")
