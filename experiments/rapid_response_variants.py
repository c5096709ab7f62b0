"""The headline of the rapid response under other assumptions, at central values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

import floormodel as fm
from experiments.cases import FloorCase
from experiments.stock_figures import Figure
from floormodel.dynamics.adjustment import speeds
from floormodel.dynamics.response import QUARTERS, Reserve, Response, SupplyStop, rapid_response

BASE, WHOLE, RAW = "As above", "Products stop as well, stocks of both", "Products stop as well, no stock of them"
DISPLACED = {"a quarter of a tonne": 0.25, "a tonne": 1.0}  # per tonne of public stock: found from none to all (kim_zulauf_2019)
CHOKES = (10.0, 40.0)  # times the benchmark price at which demand ends, beside the market's own: assumptions, half and twice it

Case = tuple[SupplyStop, dict, dict, dict]


def variant_cases(case: FloorCase, first: str, figures: Mapping[str, Figure], quarters: int, least: int) -> dict[str, Case]:
    """Other assumptions by name: the stop, and what is changed of the reserve, of the settings and of the market."""
    low, high = (getattr(figures["commercial_days"], e) * getattr(figures["usable"], e) for e in ("low", "high"))
    stop = SupplyStop(supplier=case.supplier, goods=(case.good,), quarters=quarters)
    half = replace(stop, share=0.5)
    cases: dict[str, Case] = {
        BASE: (stop, {}, {}, {}),
        "All expect the stop to last a year": (stop, {}, {"planned": 4}, {}),
        "All expect the stop to last one quarter": (stop, {}, {"planned": 1}, {}),
        f"Only {first} is cut off": (replace(stop, destinations=(first,)), {}, {}, {}),
        f"Only {first} is cut off, stocks of {least} days": (replace(stop, destinations=(first,)), {"days": float(least)}, {}, {}),
        "Half of exports stop": (half, {}, {}, {}),
        "Half of exports stop, buyers' countries have the rent": (replace(half, rent_owner="destination"), {}, {}, {}),
        f"Users can draw {low:.0f} days": (stop, {}, {"commercial_days": low}, {}),
        f"Users can draw {high:.0f} days": (stop, {}, {"commercial_days": high}, {}),
        **{f"Users hold {word} less per tonne of public stock": (stop, {"displaced": share}, {}, {}) for word, share in DISPLACED.items()},
        "The response comes a quarter late": (stop, {"lag": 1}, {}, {}),
        "Buyers and plants respond more slowly": (stop, {}, {"at_once": {"supply": 1, "sourcing": 1}}, {}),
        "Use responds as over a year": (stop, {}, {"at_once": {"demand": 4}}, {}),
        "Stocks are bought back within half a year": (stop, {}, {"buy_back": 2}, {}),
        "Stocks are not bought back": (stop, {}, {"buy_back": 0}, {}),
    }
    if case.downstream:
        whole = replace(stop, goods=(case.good, *case.downstream))
        cases[WHOLE] = (whole, {}, {}, {})
        cases[RAW] = (whole, {"goods": (case.good,)}, {}, {})
        cases |= {f"{WHOLE}, demand ends at {x:g} times": (whole, {}, {}, {"choke_factor": x}) for x in CHOKES}
    return cases


def variants(name: str, case: FloorCase, members: tuple[str, ...], first: str, figures: Mapping[str, Figure], buy_back: int,
             least: int, quarters: int = 2, days: float = 60.0) -> pd.DataFrame:
    """Variant, arm ("users", "apart", and "pooled" where one good stops), good that is measured, peak (of the stop and of the episode), use
    below the benchmark's (share), loss avoided and loss (USD), solved."""
    market = fm.load_market(name, horizon="short")
    users, pace, rows = figures["commercial_days"].value * figures["usable"].value, speeds(market, QUARTERS), []
    plain = Reserve(members=members)
    alone: dict[str, Response] = {}
    arms = {"apart": replace(plain, days=days), "pooled": replace(plain, days=days, pooled=True)}
    for label, (stop, of_reserve, settings, of_market) in variant_cases(case, first, figures, quarters, least).items():
        how = {"commercial_days": users, "buy_back": buy_back, "adjustment": pace} | settings
        on = market.replace(**of_market) if of_market else market
        key = repr((stop, settings, of_market))  # users' stocks alone: the same whatever the public stock is
        alone[key] = alone.get(key) or rapid_response(on, stop, plain, **how)
        held = {arm: replace(reserve, **of_reserve) for arm, reserve in arms.items() if arm == "apart" or len(stop.goods) == 1}
        runs = {"users": alone[key]} | {arm: rapid_response(on, stop, reserve, **how) for arm, reserve in held.items()}
        measured, good = (first,) if stop.destinations else members, stop.goods[-1]
        lost = {arm: float(r.loss(members)[0]) for arm, r in runs.items()}
        rows += [{"variant": label, "arm": arm, "good": good, "peak_stop": float(r.peak(good, measured, "stop")[0]),
                  "peak": float(r.peak(good, measured)[0]), "below": float(r.below(good, measured)[0]),
                  "avoided": lost["users"] - lost[arm], "loss": lost[arm], "solved": bool(r.dataset["converged"].all())}
                 for arm, r in runs.items()]
    return pd.DataFrame(rows)
