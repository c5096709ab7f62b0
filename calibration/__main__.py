"""`python -m calibration rare_earths|cobalt|ferrosilicon|nickel|all`: rebuild a market's tables from `calibration/figures/`."""

from __future__ import annotations

import importlib
from pathlib import Path

import click

from calibration import concentration, price_process
from floormodel.errors import FloormodelError

DATA = Path(__file__).resolve().parents[1] / "src" / "floormodel" / "data"
MARKETS = ("rare_earths", "cobalt", "ferrosilicon", "nickel")


@click.command()
@click.argument("market", type=click.Choice([*MARKETS, "all"]))
@click.option("-o", "--output", type=click.Path(path_type=Path), default=DATA, help="Folder of the market folders.")
def main(market: str, output: Path) -> None:
    """Rebuild one MARKET, or all of them, with the fitted concentration and price process where there is a history."""
    for name in MARKETS if market == "all" else (market,):
        folder = output / name
        folder.mkdir(parents=True, exist_ok=True)
        try:
            importlib.import_module(f"calibration.{name}").build(folder)
            if (concentration.FIGURES / f"{name}.csv").is_file():
                concentration.build(name, folder)
            if name in price_process.SERIES:
                price_process.build(name, folder)
        except FloormodelError as exc:
            raise click.ClickException(str(exc)) from exc
        click.echo(f"{name}: written to {folder}")


if __name__ == "__main__":
    main(prog_name="python -m calibration")
