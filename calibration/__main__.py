"""`python -m calibration MARKET|elasticities|all`: rebuild a market's tables from its folder in `calibration/figures/`."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from pathlib import Path

import click

from calibration import chain, concentration, price_process
from floormodel.errors import FloormodelError

DATA = Path(__file__).resolve().parents[1] / "src" / "floormodel" / "data"
SHARED = ("elasticities",)  # tables of no one market
MARKETS = tuple(sorted(path.parent.name for path in chain.FIGURES.glob("*/market.toml")))


def build(name: str, folder: Path) -> None:
    """Write the tables of a market into `folder`: by its own module where it has one, else by the chain of its figures."""
    if find_spec(f"calibration.{name}"):
        importlib.import_module(f"calibration.{name}").build(folder)
    else:
        chain.build(name, folder)


@click.command()
@click.argument("market", type=click.Choice([*MARKETS, *SHARED, "all"]))
@click.option("-o", "--output", type=click.Path(path_type=Path), default=DATA, help="Folder of the market folders.")
def main(market: str, output: Path) -> None:
    """Rebuild one MARKET, or all of them, with the fitted concentration and price process where there is a history."""
    for name in (*MARKETS, *SHARED) if market == "all" else (market,):
        folder = output / name
        folder.mkdir(parents=True, exist_ok=True)
        try:
            build(name, folder)
            if (concentration.FIGURES / f"{name}.csv").is_file():
                concentration.build(name, folder)
            if name in price_process.SERIES:
                price_process.build(name, folder)
        except FloormodelError as exc:
            raise click.ClickException(str(exc)) from exc
        click.echo(f"{name}: written to {folder}")


if __name__ == "__main__":
    main(prog_name="python -m calibration")
