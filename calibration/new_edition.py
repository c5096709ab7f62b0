"""A market's figures with another edition of the agencies' files in the place of the one they were taken from.

Rows of output, world totals and customs flows are replaced; what they were is said in `figures_report.csv`. All other
rows, assumptions among them, stay: the market's folder says what they rest on.
"""

from __future__ import annotations

import csv
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from calibration.chain import FIGURES
from calibration.chain_tables import KEYS, read_chain
from calibration.figures import SOURCE_COLUMNS, TAIL, read_sources, write_table
from calibration.new_edition_rows import Edition, Line, Rewriter
from calibration.readers.importing import READERS, read_files
from calibration.readers.labels import table
from calibration.readers.long_table import COLUMNS, Record, read_long
from calibration.readers.manifest import read_manifest, sha256
from calibration.readers.reading import Options
from floormodel.errors import DataError, Fault, FloormodelError, did_you_mean

REPORT = "figures_report.csv"
REPORT_COLUMNS = ["table", "figure", "good", "code", "region", "partner", "before", "after", "unit", "source", "what"]


@dataclass(frozen=True)
class Choices:
    """`year` of the rows, the market's own unless given; `keep_missing` keeps the row that an edition has no number for;
    `add_new` takes countries that the market has no row for."""

    year: str = ""
    keep_missing: bool = False
    add_new: bool = False


def rewrite_figures(shipped: Path, production: Sequence[str], trade: Sequence[str], out: Path,
                    choices: Choices) -> tuple[list[Line], list[Fault]]:
    """Write a copy of the market's folder `shipped` with the user's editions into `out`; (what changed, warnings).

    Parameters
    ----------
    shipped : a market's folder of `calibration/figures/`
    production, trade : long tables, or files of an agency as SOURCE=FILE
    out : a folder that is not there, is empty, or was written by this function

    Raises
    ------
    DataError
        With every fault: of the files, a country without a number (E302), a year or a code that the files do not have.
    """
    _check_folders(shipped, out)
    chain = read_chain(shipped)
    year = choices.year or chain.year
    customs = _rows(shipped / "trade.csv")
    minerals = tuple({m for g in table("goods.csv") if g["market"] == chain.name for m in g["mineral"].split("|")})
    keep = Options(keep=minerals, codes=tuple({row["code"][:6] for row in customs if row["code"]}))
    editions = _editions([*production, *trade], keep)
    known = read_sources(shipped / "sources.csv")
    rewriter = Rewriter(chain.name, chain.regions, year, choices.keep_missing, choices.add_new, editions)
    made = rewriter.production(_rows(shipped / "production.csv"))
    moved = rewriter.trade(customs)
    rewriter.findings.raise_if_any()
    sources = [*known.to_numpy().tolist(), *rewriter.new_sources(known.set_index("id"))]
    with tempfile.TemporaryDirectory(dir=_parent(out)) as draft:
        folder = Path(draft) / out.name
        shutil.copytree(shipped, folder)
        write_table(folder / "production.csv", [*KEYS, *TAIL], made)
        write_table(folder / "trade.csv", [*KEYS[:2], "code", *KEYS[2:], *TAIL], moved)
        write_table(folder / "sources.csv", SOURCE_COLUMNS, sources)
        write_table(folder / REPORT, REPORT_COLUMNS, [line.row() for line in rewriter.lines])
        head = (folder / "market.toml").read_text("utf-8")
        (folder / "market.toml").write_text(re.sub(r"(?m)^year = \d+$", f"year = {year}", head), "utf-8")
        read_chain(folder)
        if out.exists():
            shutil.rmtree(out)
        folder.rename(out)
    return rewriter.lines, rewriter.findings.warnings


def _check_folders(shipped: Path, out: Path) -> None:
    with (shipped / "production.csv").open(encoding="utf-8") as file:
        if file.readline().strip() != ",".join([*KEYS, *TAIL]):
            raise DataError(f"{shipped.name} is built by a module of its own from its own tables; its figures cannot be rewritten so")
    if out.resolve().is_relative_to(shipped.parent.resolve()):
        raise DataError(f"{out}: the shipped figures are not overwritten; name another folder")
    if out.is_dir() and any(out.iterdir()) and not (out / REPORT).is_file():
        raise DataError(f"{out}: not empty and not written by this command; name another folder")


def _parent(out: Path) -> Path:
    out.parent.mkdir(parents=True, exist_ok=True)
    return out.parent


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _editions(files: Sequence[str], keep: Options) -> list[Edition]:
    """The records of the files by source and edition, with what says where they came from."""
    found: dict[tuple[str, str], list[Record]] = {}
    origin: dict[tuple[str, str], str] = {}
    for text in files:
        source, _, name = text.rpartition("=")
        path = Path(name)
        if not path.is_file():
            raise DataError(f"{path}: no such file")
        for record in _read(source, path, keep):
            key = record.source, record.edition
            found.setdefault(key, []).append(record)
            origin[key] = _origin(path, record.source)
    return [Edition(source, edition, tuple(records), origin[source, edition]) for (source, edition), records in found.items()]


def _read(source: str, path: Path, keep: Options) -> list[Record]:
    if source in READERS:
        return read_files(source, [path], keep)[0]
    with path.open("rb") as file:
        head = file.readline().decode("utf-8-sig", "replace").strip()
    if source or head != ",".join(COLUMNS):
        raise DataError(f"{path.name}: not a long table; name the publisher, e.g. usgs-mcs={path.name} ({', '.join(READERS)})")
    return read_long(path)


def _origin(path: Path, source: str) -> str:
    """The published files behind a table by its manifest, else the file itself."""
    rows = [row for (made, _, of), row in read_manifest(path.parent).items() if (made, of) == (path.name, source)]
    return "; ".join(f"{row['file']} (SHA-256 {row['sha256']})" for row in rows) or f"{path.name} (SHA-256 {sha256(path)})"


@click.command("figures")
@click.argument("market")
@click.option("--production", multiple=True, metavar="FILE", help="A long table, or SOURCE=FILE; repeat for more.")
@click.option("--trade", multiple=True, metavar="FILE", help="A long table, or baci=FILE; repeat for more.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The folder of figures to write.")
@click.option("--year", default="", help="Year of the figures; default: the market's.")
@click.option("--keep-missing", is_flag=True, help="Keep the shipped figure of a country that the edition has no number for.")
@click.option("--add-new", is_flag=True, help="Take countries that the market has no row for.")
def figures_command(market: str, production: tuple[str, ...], trade: tuple[str, ...], output: Path, year: str, keep_missing: bool,
                    add_new: bool) -> None:
    """Copy a MARKET's figures with the numbers of your own editions of the files it was taken from."""
    shipped = FIGURES / market
    if not (shipped / "market.toml").is_file():
        known = [path.parent.name for path in FIGURES.glob("*/market.toml")]
        raise click.UsageError(f"no figures of market {market!r}; {did_you_mean(market, known)}")
    try:
        lines, warnings = rewrite_figures(shipped, production, trade, output, Choices(year, keep_missing, add_new))
    except FloormodelError as exc:
        raise click.ClickException(str(exc)) from exc
    for warning in warnings:
        click.echo(f"warning {warning}", err=True)
    counts = Counter(line.what.partition(":")[0].partition(";")[0] for line in lines)
    click.echo(f"{output}: " + ", ".join(f"{n} {what}" for what, n in sorted(counts.items())) + f"; see {REPORT}")
    click.echo(f"build it with: python -m calibration {market} --figures {output} -o OUT")
