"""`python -m calibration MARKET|elasticities|all`: rebuild a market's tables from its folder in `calibration/figures/`.

`python -m calibration import` reads the files that agencies publish, `python -m calibration figures` puts them in a market's folder.
"""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from pathlib import Path

import click

from calibration import chain, concentration, hosts, manifest, ownership, price_process, price_series, projections, supply_structure
from calibration.new_edition import figures_command
from calibration.readers.command import import_command
from floormodel.errors import DataError, FloormodelError

DATA = Path(__file__).resolve().parents[1] / "src" / "floormodel" / "data"
SHARED = ("elasticities", "price_correlation", "share_checks")  # tables of no one market
MARKETS = tuple(sorted(path.parent.name for path in chain.FIGURES.glob("*/market.toml")))


class Commands(click.Group):
    """Commands by name; any other first word is the name of a market to rebuild."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = args[:1] in ([], ["--help"], *([name] for name in self.commands))
        return super().parse_args(ctx, args if own else ["MARKET|all", *args])


@click.group(cls=Commands)
def main() -> None:
    """Rebuild markets from their figures, and read the files that agencies publish."""


def build(name: str, folder: Path, figures: Path | None) -> None:
    """Write the tables of a market into `folder`: by its own module where it has one, else by the chain of its figures."""
    if not find_spec(f"calibration.{name}"):
        chain.build(name, folder, figures)
    elif figures:
        raise DataError(f"{name} is built by a module of its own from its own tables; --figures serves the other markets")
    else:
        importlib.import_module(f"calibration.{name}").build(folder)


@main.command("MARKET|all")
@click.argument("market", type=click.Choice([*MARKETS, *SHARED, "all"]))
@click.option("-o", "--output", type=click.Path(path_type=Path), default=DATA, help="Folder of the market folders.")
@click.option("--figures", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Folder of the one market's figures.")
def rebuild(market: str, output: Path, figures: Path | None) -> None:
    """Rebuild one market, or all of them, with the fitted concentration and price process where there is a history, and projections."""
    if market == "all" and figures:
        raise click.UsageError("--figures is the folder of one market")
    for name in (*MARKETS, *SHARED) if market == "all" else (market,):
        folder = output / name
        folder.mkdir(parents=True, exist_ok=True)
        try:
            build(name, folder, figures)
            hosts.build(figures or chain.FIGURES / name, folder)
            if (concentration.FIGURES / f"{name}.csv").is_file():
                for part in (concentration, ownership, supply_structure):
                    part.build(name, folder)
            if price_series.has_series(name):
                price_process.build(name, folder)
            if projections.has_projections(name):
                projections.build(name, folder)
        except FloormodelError as exc:
            raise click.ClickException(str(exc)) from exc
        click.echo(f"{name}: written to {folder}")
    if output == DATA:
        manifest.write()  # by the figures as they stand, whoever of them changed


main.add_command(import_command)
main.add_command(figures_command)

if __name__ == "__main__":
    main(prog_name="python -m calibration")
