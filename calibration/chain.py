"""A market from its folder of figures alone: `calibration/figures/<market>/` to the tables that the package reads.

Markets without a module of their own here are built by this one: goods from upstream to downstream, output by country,
customs, prices, wedges, elasticities, each a table whose rows name their source (docs/add_a_mineral.md has the format).
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np

import floormodel as fm
from calibration.chain_elasticities import prior_rows, prior_sources
from calibration.chain_evidence import correlation_rows, cross_checks, quantity_rows, report
from calibration.chain_prices import freight_rows, price_rows
from calibration.chain_quantities import quantities
from calibration.chain_tables import Chain, read_chain
from calibration.figures import MARKET_COLUMNS, SOURCE_COLUMNS, Table, market_row, market_sources, write_table
from floormodel.errors import Faults

FIGURES = Path(__file__).parent / "figures"
REPORT = ["figure", "reported", "balanced", "relative_move", "why"]
CHECKS = ["figure", "region", "compared_with", "ours", "other", "unit", "ratio", "year", "source", "note"]
CORRELATIONS = ["variable", "good", "region", "with_variable", "with_good", "with_region", "correlation", "low", "high", "source", "note"]
LEAST_MARGIN = 0.01  # of the price: below, a processed good's figures contradict each other


def build(name: str, out: Path, folder: Path | None = None) -> None:
    """Write every table of the market into `out`; nothing is written where anything is wrong.

    Parameters
    ----------
    name : the market, a folder of `calibration/figures/`
    folder : read the figures from this folder instead

    Raises
    ------
    DataError
        Where a table of figures is faulty, a stage cannot be balanced, or a processed good has no margin.
    """
    folder = folder or FIGURES / name
    chain = read_chain(folder)
    with tempfile.TemporaryDirectory() as draft:
        write(chain, folder, Path(draft))
        for horizon in ("long", "short"):
            check_margins(fm.load_market(name, horizon=horizon, folder=draft))
        for path in sorted(Path(draft).iterdir()):
            shutil.copyfile(path, out / path.name)


def write(chain: Chain, folder: Path, out: Path) -> None:
    """All tables of the market into `out`."""
    q, priors = quantities(chain), prior_rows(chain)
    tables = {"quantities": quantity_rows(chain, q), "prices": price_rows(chain),
              "wedges": [*_as_read(chain.tables["wedges"]), *freight_rows(chain)],
              "parameters": [*_as_read(chain.tables["parameters"]), *priors]}
    tables |= {name: _as_read(chain.tables[name]) for name in ("latent", "ownership") if name in chain.tables}
    for name, rows in tables.items():
        write_table(out / f"{name}.csv", MARKET_COLUMNS, rows)
    if correlated := correlation_rows(chain):
        write_table(out / "correlations.csv", CORRELATIONS, correlated)
    write_table(out / "balance_report.csv", REPORT, report(q.moves))
    write_table(out / "cross_checks.csv", CHECKS, cross_checks(chain, q))
    sources = market_sources(folder, FIGURES / "concentration", chain.name)
    write_table(out / "sources.csv", SOURCE_COLUMNS, [*sources, *prior_sources({row[0] for row in sources}, priors)])
    shutil.copyfile(folder / "market.toml", out / "market.toml")


def check_margins(market: fm.Market) -> None:
    """Every maker of a processed good must earn something over its inputs at benchmark prices.

    Raises
    ------
    DataError
        Naming each node whose price, less royalty and inputs with freight and duties, leaves under 1 % of the price.
    """
    figures, benchmark = market.dataset, fm.solve(market).dataset
    share = (benchmark["margin"] / figures["price0"]).transpose("good", "region").values
    processed = (figures["recipe"].sum("input") > 0) & (figures["output0"] > 0)
    faults = Faults(f"market {market.name!r}, margins")
    for g, r in np.argwhere(processed.values & ~(share >= LEAST_MARGIN)):
        faults.add(f"{market.goods[g]} in {market.regions[r]}", f"{share[g, r]:.1%} of the price left after royalty and inputs",
                   f"at least {LEAST_MARGIN:.0%} of the price left", "check prices, price_ratio, freight_share and recipe")
    faults.raise_if_any()


def _as_read(table: Table) -> list[list[str]]:
    return [market_row(*key, figure) for key, figure in table.rows.items()]
