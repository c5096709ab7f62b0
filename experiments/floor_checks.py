"""The second half of the price-floor brief: levels, other instruments, what moves the result, assumptions, limits."""

from __future__ import annotations

import pandas as pd

from experiments.floor_results import FLOOR, FloorResults
from experiments.words import Reader, lower_first, number, quantiles
from floormodel.report import charts
from floormodel.report.brief import Chart, Points, Section
from floormodel.report.frames import provenance_of
from floormodel.report.labels import good_name
from floormodel.report.tables import Range, Table


def levels_section(r: FloorResults) -> Section:
    """Level, coverage and membership varied together."""
    first, panels = next(iter(r.case.members)), _panels(r)
    frame = r.levels
    split = frame["scenario"].str.split("; ", n=1, expand=True)
    blocks: list = ["Level, coverage and membership were varied together; bands are 5 to 95 % of draws."]
    by_coverage = frame[split[1] == first].assign(scenario=split[0])
    who = frame[split[0] == FLOOR].assign(scenario=split[1])
    plants = pd.concat([by_coverage[by_coverage["scenario"] == FLOOR].assign(scenario="plants that exist"),
                        _entry_levels(r).assign(scenario="latent projects allowed")])
    for data, name, title in ((by_coverage, "levels_coverage", "Level and coverage"), (who, "levels_members", "Level and membership"),
                              (plants, "levels_entry", "Level, with and without new plants")):
        figure = charts.sweep(data, panels, mark=r.case.headline, provenance=provenance_of(r.runs),
                              title=f"{title}: change against no policy")
        blocks.append(Chart(figure, name, f"{title}: changes by level of the floor, with bands."))
    return Section("Level, coverage, membership", blocks)


def _entry_levels(r: FloorResults) -> pd.DataFrame:
    return r.levels_entry[r.levels_entry["scenario"].str.startswith(f"{FLOOR};")]


def _panels(r: FloorResults) -> list[tuple[str, str, str]]:
    panels = [("bloc_producer_price", r.case.good, "bloc"), ("bloc_output", r.case.good, "bloc"), ("hhi_high", r.case.good, "world")]
    last = ("bloc_output", r.case.downstream[-1], "bloc") if r.case.downstream else ("welfare_consumers", "all", "bloc")
    return [*panels, last]


def instruments_section(r: FloorResults) -> Section:
    """Who pays for the same added tonnes under other instruments."""
    from_read = Reader(r.equal.indicators().frame)
    rows = []
    for _, s in r.scales.iterrows():
        name = str(s["instrument"])
        cells: dict[str, object] = {"instrument": name, "scale": f"{number(s['scale'])} {s['unit']}",
                                    "reached": "yes" if s["reached"] else f"no: at most {number(s['best_tonnes'])} t"}
        for owner in ("consumers", "producers", "treasury"):
            cells[owner] = Range(*(v / 1e6 for v in quantiles(from_read.draws(name, f"welfare_{owner}", "all", "bloc"))))
        cells["other countries"] = Range(*(v / 1e6 for v in quantiles(sum(
            from_read.draws(name, f"welfare_{o}", "all", "others") for o in ("consumers", "producers", "treasury", "rent_holders")))))
        rows.append(cells)
    target = float(r.scales["tonnes"].iloc[0])
    table = Table("Instruments that make the bloc add the same tonnes", pd.DataFrame(rows),
                  dict.fromkeys(["consumers", "producers", "treasury", "other countries"], "million USD a year"),
                  f"Scale of each found at central values so that the bloc adds {number(target)} t of {good_name(r.case.good)}; money "
                  "over draws at that scale, in the bloc unless named. Final consumers only: processors are among producers.",
                  name="equal-tonnes")
    text = ("The same added tonnes can be paid for by buyers or by the treasury. The experiment instruments_compared treats each "
            "instrument at length, with and without new plants.")
    return Section("Against other instruments", [text, table])


def sensitivity_section(r: FloorResults) -> Section:
    """Variants of the headline and tornados."""
    blocks: list = ["Each parameter between its low and its high value, the others central. **Equal landed prices** removes benchmark "
                    "differences between origins, which act as quality premia; the sourcing elasticity is also halved and doubled."]
    for outcome, factor, unit, title in (("bloc_output", 1.0, "t/yr", f"Added {good_name(r.case.good)} in the bloc"),
                                         ("bloc_producer_price", 1e-3, "USD/kg", "Rise of the price its producers receive"),
                                         ("hhi_high", 1.0, "0-1", f"Change of world HHI of {good_name(r.case.good)}")):
        rows = r.tornado[r.tornado["outcome"] == outcome]
        figure = charts.tornado(_tornado_rows(rows, factor), float(rows["central"].iloc[0]) * factor, unit=unit,
                                title=f"{title}: what moves it", indicators=(outcome,), provenance=provenance_of(r.runs))
        blocks.append(Chart(figure, f"tornado_{outcome}", f"Tornado: {lower_first(title)}."))
    return Section("What moves the result", [_variants(r), *blocks])


def _variants(r: FloorResults) -> Table:
    """Other horizons, decks, entry, at central values."""
    v = r.variants
    columns = {"variant": v["variant"], "producers' price": v["producer_price"] / 1000, "bloc adds": v["bloc_output"],
               "change of HHI": v["hhi"]}
    units = {"producers' price": "USD/kg", "bloc adds": "t/yr", "change of HHI": "0 to 1"}
    if "downstream" in v:
        columns["bloc's products"], units["bloc's products"] = 100 * v["downstream"], "%"
    for group, label in (("bloc", "bloc gains"), ("dominant", "dominant gains"), ("others", "others gain")):
        columns[label], units[label] = v[f"welfare_{group}"] / 1e6, "USD m/yr"
    return Table("The same floor under other horizons, decks and with new plants", pd.DataFrame(columns), units,
                 "Central values. Decks are other price or trade benchmarks of the same market; see the notes below.", name="variants")


def assumptions_section(r: FloorResults) -> Section:
    """The market's notes, parameters with ranges and reasons, sources."""
    f = r.market.figures
    wanted = f["variable"].str.contains("elasticity") & ~f["variable"].str.endswith("_short") | f["variable"].isin(
        ["recipe", "latent_unit_cost", "latent_capacity"]) | f["variable"].eq("price0") & f["region"].isin(["CHN", "*"])
    rows = f[wanted & f["low"].notna()].drop_duplicates(["variable", "good", "value", "source"])
    table = Table("Parameters, their ranges and where they come from", pd.DataFrame({
        "parameter": [f"{v} {good_name(g)}" for v, g in zip(rows["variable"].str.replace("_", " "), rows["good"])],
        "value": [f"{number(v)} ({number(lo)} to {number(hi)})" for v, lo, hi in zip(rows["value"], rows["low"], rows["high"])],
        "unit": rows["unit"].replace("1", "").to_list(), "source": rows["source"].to_list(), "note": rows["note"].to_list()}),
        note="Sources are listed in the market's sources.csv; `assumption` means judgement, with its reason in the note.",
        name="parameters")
    s = r.market.sources
    sources = Table("Sources", s[["id", "title", "publisher", "year", "licence"]].reset_index(drop=True), name="sources")
    return Section("Assumptions and sources", [Points(r.market.notes), table, sources])


def limits_section() -> Section:
    """What a reader must not take from the brief."""
    points = ["Partial equilibrium: incomes, exchange rates and other goods do not react; one year at a time, long-run elasticities.",
              "Sellers are competitive: the dominant supplier does not set its price or retaliate. Both would change the results.",
              "In the sourcing nest benchmark price differences between origins stay as quality premia; new trade routes open only "
              "where a weight is assumed.",
              "Draws vary elasticities, freight and the latent projects. Benchmark tonnes and prices are balanced figures and are not "
              "drawn: ranges understate that uncertainty.",
              "Processing elasticities and latent projects are assumptions; no estimate exists. The tornado shows what they decide.",
              "Changes of HHI, of producers' prices under a floor and of outsiders' welfare can take either sign; where a sentence "
              "above gives a sign, it holds for this calibration and the share of draws stated.",
              "Not a forecast: it says what would have been different in the benchmark year after adjustment."]
    return Section("What this cannot say", [Points(points)])


def _tornado_rows(rows: pd.DataFrame, factor: float) -> pd.DataFrame:
    """One row per parameter: result at its low and at its high value."""
    out = []
    central = float(rows["central"].iloc[0]) * factor
    for (parameter, good), part in rows.groupby(["parameter", "good"], sort=False):
        values = part.set_index("setting")["value"] * factor
        label = f"{str(parameter).replace('_', ' ')}, {good_name(str(good)) if good != 'all goods' else good}"
        ends = list(values.index)
        out.append({"parameter": label, "low": values.iloc[0], "high": values.iloc[-1] if len(ends) > 1 else central,
                    "low_label": "" if ends[0] == "low" else ends[0], "high_label": "" if ends[-1] in ("high", ends[0]) else ends[-1]})
    return pd.DataFrame(out)
