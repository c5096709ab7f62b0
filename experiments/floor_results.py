"""All that the price-floor brief rests on, computed once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

import floormodel as fm
from experiments.analysis import Policies, Progress, equal_tonnes, floor, plant_viability, sweep
from experiments.cases import FloorCase, case_of
from floormodel.indicators.resilience import NMinusOne
from floormodel.indicators.viability import Viability

FLOOR, COVERED, NEUTRAL = "Floor", "Floor, products covered", "Floor, neutral coverage"


@dataclass(frozen=True, eq=False)
class FloorResults:
    """`runs` without and `entry` with the latent projects open, both over draws; the rest as named in experiments.analysis."""

    market: fm.Market
    case: FloorCase
    bloc: tuple[str, ...]
    runs: fm.Comparison
    entry: fm.Comparison
    levels: pd.DataFrame
    levels_entry: pd.DataFrame
    plants: dict[tuple[str, str], Viability]
    net_prices: pd.DataFrame
    tornado: pd.DataFrame
    resilience: list[tuple[str, str, NMinusOne]]
    variants: pd.DataFrame
    equal: fm.Comparison
    scales: pd.DataFrame


def scenarios(case: FloorCase, members: Sequence[str], price: float) -> dict[str, Policies]:
    """The floor without coverage and, where there is a downstream good, with both ways of covering it."""
    out: dict[str, Policies] = {FLOOR: floor(case.good, members, price)}
    if case.downstream:
        out[COVERED] = floor(case.good, members, price, case.downstream)
        out[NEUTRAL] = floor(case.good, members, price, case.downstream, "neutral")
    return out


def compute(name: str, draws: int, seed: int, progress: Progress) -> FloorResults:
    """Solve everything. `progress` wraps the long loops."""
    market = fm.load_market(name, horizon="long")
    case = case_of(market)
    bloc = next(iter(case.members.values()))
    opened = market.open_projects("all")
    drawn, drawn_open = fm.sample(market, draws, seed), fm.sample(opened, draws, seed)
    headline = scenarios(case, bloc, case.headline)
    runs = fm.compare(drawn, headline, bloc=bloc)
    entry = fm.compare(drawn_open, headline, bloc=bloc)
    plants, net = plant_viability(opened, entry)
    policies, scales = equal_tonnes(market, headline[FLOOR], case.good, bloc, case.supplier, bloc)
    return FloorResults(
        market, case, bloc, runs, entry,
        sweep(drawn, _grid(case, case.members), _kept(market, case), progress),
        sweep(drawn_open, _grid(case, dict(list(case.members.items())[:1])), _kept(market, case), progress),
        plants, net, _tornado(market, headline[FLOOR], case, bloc, progress), _resilience(name, case, bloc, headline),
        _variants(market, case, bloc, headline[FLOOR]),
        fm.compare(drawn, policies, bloc=bloc), scales)


def _grid(case: FloorCase, members: dict[str, tuple[str, ...]]) -> dict[tuple[str, float], tuple[Policies, Sequence[str]]]:
    """Level x coverage x membership."""
    return {(f"{what}; {who}", level): (policies, regions) for who, regions in members.items() for level in case.levels
            for what, policies in scenarios(case, regions, level).items()}


def _kept(market: fm.Market, case: FloorCase) -> list[tuple[str, str, str]]:
    good = case.good
    kept = [("hhi_high", good, "world"), ("bloc_output", good, "bloc"), ("price_inside", good, "bloc"), ("price_outside", good, "others"),
            ("bloc_producer_price", good, "bloc"), ("welfare_consumers", "all", "bloc"), ("welfare_producers", "all", "bloc"),
            ("welfare_treasury", "all", "bloc"), ("dominant_share_of_bloc_supply", good, "bloc"),
            ("cost_per_bloc_tonne_members_total", good, "bloc"), ("non_dominant_supply", good, "world")]
    return kept + [("bloc_output", g, "bloc") for g in case.downstream]


def _tornado(market: fm.Market, policies: Policies, case: FloorCase, bloc: Sequence[str], progress: Progress) -> pd.DataFrame:
    def change(indicator: str) -> Callable[[fm.Equilibrium], float]:
        return lambda run: float(run.indicators().select(indicator, case.good)["change"].iloc[0])

    outcomes = {"bloc_output": change("bloc_output"), "hhi_high": change("hhi_high"), "bloc_producer_price": change("bloc_producer_price")}
    return fm.tornado(market, policies, outcomes, bloc, progress)


def _resilience(name: str, case: FloorCase, bloc: Sequence[str], headline: dict[str, Policies]) -> list[tuple[str, str, NMinusOne]]:
    """The dominant supplier stops exporting, or stops altogether, in the short run: without policy and under the floor."""
    short = fm.load_market(name, horizon="short")
    return [(stops, label, fm.n_minus_one(short, case.good, bloc, policies, case.supplier, stops))
            for stops in ("exports", "output") for label, policies in (("No policy", ()), (FLOOR, headline[FLOOR]))]


def _variants(market: fm.Market, case: FloorCase, bloc: Sequence[str], policies: Policies) -> pd.DataFrame:
    """The headline floor at central values under other horizons, decks and with new plants: one row each."""
    markets = {"Central: long run": market, "Short run": fm.load_market(market.name, horizon="short"),
               "New plants may enter": market.open_projects("all")}
    markets |= {f"Deck {deck}": fm.load_market(market.name, horizon="long", deck=deck) for deck in market.decks}
    rows = []
    for label, variant in markets.items():
        frame = fm.solve(variant, policies, bloc=bloc).indicators().frame

        def total(indicator: str, good: str, regions: Sequence[str], frame: pd.DataFrame = frame, of: str = "change") -> float:
            rows = frame[(frame["indicator"] == indicator) & (frame["good"] == good) & frame["region"].isin(regions)]
            return float(rows[of].sum())

        owners = ("consumers", "producers", "treasury", "rent_holders", "stockholders", "buyers")
        row = {"variant": label, "producer_price": total("bloc_producer_price", case.good, ["bloc"], of="value"),
               "bloc_output": total("bloc_output", case.good, ["bloc"]), "hhi": total("hhi_high", case.good, ["world"])}
        for good in case.downstream:
            row["downstream"] = total("bloc_output", good, ["bloc"]) / total("bloc_output", good, ["bloc"], of="base")
        rows.append(row | {f"welfare_{g}": sum(total(f"welfare_{o}", "all", [g]) for o in owners) for g in ("bloc", "dominant", "others")})
    return pd.DataFrame(rows)
