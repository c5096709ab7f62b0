"""`python -m experiments price_floor -o results/price_floor`: solve one experiment and write its folder."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path

import click
from tqdm import tqdm

from floormodel.errors import FloormodelError, InertWarning
from floormodel.report.run_folder import check_target, write_run_folder

EXPERIMENTS = ("price_floor", "instruments_compared", "retaliation", "club", "coalition",
               "standards", "export_restrictions", "producer_take", "ten_years", "credibility", "trust", "rapid_response",
               "financing", "buffer_stock", "published", "backtest")


def _progress(items: Iterable) -> Iterable:
    return tqdm(items, unit="run", file=sys.stderr, mininterval=1.0)


@click.command()
@click.argument("name", type=click.Choice([*EXPERIMENTS, "all"]))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder to write (default: results/NAME).")
@click.option("--market", help="Market to run on (default: the experiment's own).")
@click.option("--draws", type=click.IntRange(1, 1_000_000), help="Draws (default: 1,000, or the experiment's own).")
@click.option("--seed", default=7, show_default=True)
@click.option("--overwrite", is_flag=True, help="Replace an earlier run in the folder.")
def main(name: str, output: Path | None, market: str | None, draws: int | None, seed: int, overwrite: bool) -> None:
    """Run the experiment NAME, or all of them."""
    chosen = EXPERIMENTS if name == "all" else (name,)
    solved: list[float] = []
    try:
        for each in chosen:
            folder = output if output and name != "all" else (output or Path("results")) / each
            check_target(folder, overwrite)
            experiment = importlib.import_module(f"experiments.{each}")
            on = market or getattr(experiment, "MARKET", "rare_earths")
            number = draws or getattr(experiment, "DRAWS", 1000)
            click.echo(f"{each}: {number:,} draws on {on}, seed {seed}", err=True)
            record: dict = {}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", InertWarning)  # kept in the record
                write_run_folder(folder, lambda f: record.update(experiment.write(f, on, number, seed, _progress)), overwrite)  # noqa: B023
            solved.append(record["share_converged"])
            click.echo(f"{100 * record['share_converged']:.4g} % of draws solved. The brief is {folder / 'brief.html'}")
    except FloormodelError as exc:
        click.echo(f"error: {exc}", err=True)
        raise SystemExit(exc.exit_code) from None
    raise SystemExit(0 if min(solved) == 1 else 3)


if __name__ == "__main__":
    main(prog_name="python -m experiments")
