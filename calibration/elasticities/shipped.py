"""`shipped.csv`: the elasticities of each market beside the priors, and whether they lie inside."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pandas as pd

from calibration.elasticities.literature import KINDS

COLUMNS = ["market", "good", "kind", "horizon", "value", "low", "high", "prior", "prior_low", "prior_high", "status", "place", "source",
           "note"]


def compared(data: Path, priors: pd.DataFrame) -> pd.DataFrame:
    """Supply of the first good and demand of the last of every market folder of `data`, short and long, beside its prior.

    `place` is inside, above or below the 5 to 95 % range of the prior, by the market's centre. Markets that give an
    elasticity by region get one row, with the range over regions and the plain mean as value.
    """
    rows = []
    known = priors.set_index(["mineral", "kind", "horizon"])
    for folder in sorted(path.parent for path in data.glob("*/market.toml") if (path.parent / "parameters.csv").is_file()):
        goods = list(tomllib.loads((folder / "market.toml").read_text("utf-8"))["goods"])
        parameters = pd.read_csv(folder / "parameters.csv", keep_default_na=False, na_values=[""])
        for kind in KINDS:
            good = goods[0] if kind == "supply" else goods[-1]
            for horizon in ("short", "long"):
                found = parameters[(parameters["variable"] == f"{kind}_elasticity_{horizon}") & (parameters["good"] == good)]
                if found.empty or (folder.name, kind, horizon) not in known.index:
                    continue
                prior, value = known.loc[(folder.name, kind, horizon)], float(found["value"].mean())
                low, high = (float(v) for v in prior[["low", "high"]])
                place = "below" if value < low else "above" if value > high else "inside"
                rows.append([folder.name, good, kind, horizon, *(f"{v:.4g}" for v in (value, found["low"].min(), found["high"].max())),
                             prior["value"], prior["low"], prior["high"], prior["status"], place,
                             *("; ".join(dict.fromkeys(found[c].fillna("").astype(str))) for c in ("source", "note"))])
    return pd.DataFrame(rows, columns=COLUMNS)
