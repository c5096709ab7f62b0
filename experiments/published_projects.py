"""A mine's published rate of return, a contract's published payments and a ban's published exports, and what our rules give."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

import floormodel as fm
from experiments.expected import headline
from floormodel.errors import ConvergenceError
from floormodel.finance.cashflow import irr, npv
from floormodel.finance.project import Project, load_projects, project_cash_flow
from floormodel.report.tables import Range

# what the summary of the study does not tell, over the ranges that it may take; the first of each is our central choice
UNTOLD: Mapping[str, tuple[float, ...]] = {
    "build_years": (3, 2), "ramp_years": (3, 2), "depreciation_years": (10, 20), "sustaining": (0.01, 0.0),
    "working_capital": (0.05, 0.0, 0.1)}
COST_SEED = 11
PLANT, STUDIED = "mine_and_separation_aus", 2022  # the representative plant, and the year of the study's money
QUARTERS = ("2025_q4", "2026_q1")
REFERENCES = {"own_price": "the producers' own price", "index_of_china": "the price in China"}


@dataclass(frozen=True, eq=False)
class Projects:
    """`nolans` and `payments` as in the functions of these names; `exports` the ratio of Indonesia's export value, ban over none, by
    variant of the study."""

    nolans: pd.DataFrame
    payments: pd.DataFrame
    exports: Mapping[str, float]


def study_deck(inputs: Mapping[str, float], life: int) -> np.ndarray:
    """Prices (life,), USD/t: the mean of the first years, then what brings the mean over the life to the published one."""
    early, first = inputs["nolans_price_early"], int(inputs["nolans_early_years"])
    late = (life * inputs["nolans_price_life"] - first * early) / (life - first)
    return 1000 * np.r_[np.full(first, early), np.full(life - first, late)]


def returns(project: Project, prices: np.ndarray, capacity: float) -> tuple[float, float]:
    """Rate of return (share a year, NaN where there is none) and net present value at 8 % (USD) at gate prices, USD/t."""
    flows = project_cash_flow(project, (1 - project.royalty) * prices)
    rate = float("nan")
    with suppress(ConvergenceError):
        rate = irr(flows, 0.08).rate
    return rate, capacity * float(npv(0.08, flows))


def nolans(inputs: Mapping[str, float], draws: int) -> pd.DataFrame:
    """By price deck: mean price, rate of return and value with what the study does not tell at its centre and over its range, and the
    share of draws of our own plant's costs in which it earns its hurdle."""
    capacity, rows = inputs["nolans_capacity"], []
    for label, (year, prices) in decks(inputs).items():
        plant = load_projects("rare_earths", year)[PLANT]
        drawn, full = plant.drawn(draws, COST_SEED), replace(plant, utilisation=1.0)
        choices = [replace(full, **{name: type(getattr(full, name))(v) for name, v in zip(UNTOLD, values)})
                   for values in itertools.product(*UNTOLD.values())]
        found = np.array([returns(p, prices, capacity) for p in choices])
        value = npv(np.asarray(drawn.hurdle), project_cash_flow(drawn, (1 - np.asarray(drawn.royalty))[..., None] * prices))
        rows.append({"price": label, "mean price": float(prices.mean()) / 1000,
                     "rate of return": Range(*(100 * v for v in (found[:, 0].min(), found[0, 0], found[:, 0].max()))),
                     "net present value": Range(*(v / 1e6 for v in (found[:, 1].min(), found[0, 1], found[:, 1].max()))),
                     "pays at its own hurdle": 100 * float(np.mean(value > 0))})
    return pd.DataFrame(rows)


def decks(inputs: Mapping[str, float]) -> dict[str, tuple[int, np.ndarray]]:
    """Year of the money in which costs are counted, and gate prices by year of operation (life,), USD/t, of each deck."""
    plant = load_projects("rare_earths")[PLANT]

    def level(price: float) -> np.ndarray:
        return np.full(plant.life, price)

    def gate(deck: str | None) -> float:
        return float(fm.load_market("rare_earths", deck=deck).dataset["price0"].sel(good=plant.good, region=plant.region))

    return {"the study's: offtake, then the rest of the life": (STUDIED, study_deck(inputs, plant.life)),
            "level, the study's mean over the life": (STUDIED, level(1000 * inputs["nolans_price_life"])),
            "level, the study's mean over the offtake": (STUDIED, level(1000 * inputs["nolans_price_early"])),
            "level, the price guaranteed in the United States": (2025, level(110_000.0)),
            "level, price of 2025": (2025, level(gate("2025"))), "level, price of 2024": (2024, level(gate(None)))}


def payments(inputs: Mapping[str, float], reported: Mapping[str, float], study: pd.DataFrame) -> pd.DataFrame:
    """By quarter and reference price of the study: reported payment, tonnes made and sold, our payment per tonne, on each, and the tonnes
    for which our rule would pay what was reported. Money in USD."""
    rates = study[study["indicator"].eq("payment_per_tonne") & study["variant"].eq("2025 short")].set_index("scenario")["value"]
    rows = []
    for quarter, (name, words) in itertools.product(QUARTERS, REFERENCES.items()):
        made, sold, rate = inputs[f"mp_{quarter}_made"], inputs[f"mp_{quarter}_sold"], float(rates[name])
        paid = 1e6 * reported[f"mp_{quarter}"]
        rows.append((quarter, name, words, paid, made, sold, paid / made, paid / sold, rate, rate * made, rate * sold, paid / rate))
    return pd.DataFrame(rows, columns=["quarter", "scenario", "reference", "reported", "made", "sold", "reported_per_made",
                                       "reported_per_sold", "rate", "on_made", "on_sold", "tonnes_needed"])


def compute(inputs: Mapping[str, float], reported: Mapping[str, float], draws: int) -> Projects:
    """Run the studies of MP Materials and of Indonesia, and the mine's cash flows."""
    nickel = headline("indonesia_nickel_rule")
    chosen = nickel[nickel["indicator"].eq("export_value") & nickel["region"].eq("IDN") & nickel["scenario"].eq("ban")]
    exports = {str(v): float(x) for v, x in zip(chosen["variant"], chosen["value"] / chosen["base"])}
    return Projects(nolans(inputs, draws), payments(inputs, reported, headline("mp_materials")), exports)


def ours(p: Projects) -> dict[str, Range]:
    """Our numbers by the id of the published one."""
    first = p.nolans.iloc[0]
    out = {"nolans_irr": first["rate of return"], "nolans_npv": first["net present value"]}
    for quarter, rows in p.payments.groupby("quarter"):
        every = rows[["on_made", "on_sold"]].to_numpy() / 1e6
        own = rows.loc[rows["scenario"].eq("own_price"), "on_made"].iloc[0] / 1e6
        out[f"mp_{quarter}"] = Range(float(every.min()), float(own), float(every.max()))
    return out | {"indonesia": Range(min(p.exports.values()), p.exports["2019 long"], max(p.exports.values()))}
