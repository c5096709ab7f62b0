"""Elasticities of a market from the literature's priors, where its own table has none."""

from __future__ import annotations

from itertools import product

from calibration.chain_tables import Chain
from calibration.elasticities import priors
from calibration.figures import market_row, read_sources
from floormodel.errors import DataError

Rows = list[list[str]]
SOURCES = priors.FIGURES / "sources.csv"


def prior_rows(chain: Chain) -> Rows:
    """Rows for supply of what is mined and demand for every good, short and long run, that `parameters.csv` leaves out.

    A mineral of which the literature knows nothing takes the prior pooled across metals.

    Raises
    ------
    DataError
        Where the supply elasticity of a processed good is left out: no literature gives elasticities to a margin.
    """
    wanted = []
    for good in chain.goods:
        processed = bool(chain.of("production", "recipe", good))
        for kind, horizon in product(("supply", "demand"), ("short", "long")):
            name = f"{kind}_elasticity_{horizon}"
            if any(row[:2] == (name, good) for row in chain.tables["parameters"].rows):
                continue
            if kind == "supply" and processed:
                raise DataError(f"parameters.csv: no {name} of {good}; expected one: the elasticity of a processed good to its margin "
                                "has no prior from the literature")
            wanted.append((name, good, kind, horizon))
    if not wanted:
        return []
    table = priors.priors(priors.read())
    mineral = chain.name if (table["mineral"] == chain.name).any() else priors.ALL
    return [market_row(name, good, "*", "", priors.figure(mineral, kind, horizon, table)) for name, good, kind, horizon in wanted]


def prior_sources(known: set[str], rows: Rows) -> Rows:
    """Rows of sources.csv for what `rows` cite and `known` ids do not hold."""
    cited = {row[9] for row in rows} - known
    table = read_sources(SOURCES)
    return [list(row) for row in table[table["id"].isin(cited)].to_numpy().tolist()]
