"""A market's data card with its charts, as a folder: what a brief or an annex shows of the calibration."""

from __future__ import annotations

from pathlib import Path

from floormodel.errors import DataError
from floormodel.market import load_market
from floormodel.report.concentration_chart import concentration_chart, load_concentration
from floormodel.report.elasticity_chart import elasticity_forest, load_elasticities
from floormodel.report.market_card import market_card
from floormodel.report.market_charts import supply_curve_chart, trade_chart
from floormodel.report.style import save_figure


def write_market(name: str, folder: Path) -> list[Path]:
    """Write card.md and the charts of a shipped market into `folder`: supply curve and trade of each stage, concentration over
    time where there is a history, the elasticities of the literature. Returns the paths. Raises DataError for an unknown market."""
    market = load_market(name)
    folder.mkdir(parents=True, exist_ok=True)
    card = folder / "card.md"
    card.write_text(market_card(name), encoding="utf-8", newline="\n")
    figures = {}
    for good in market.goods:
        if float(market.dataset["output0"].sel(good=good).sum()) > 0:
            figures[f"supply_{good}"] = supply_curve_chart(market, good)
            figures[f"trade_{good}"] = trade_chart(market, good)
    try:
        history, _ = load_concentration(name)
        figures["concentration"] = concentration_chart(history, f"{market.title.partition(':')[0]}: concentration of supply")
    except DataError:
        pass  # a market without a history of producers
    studied = set(load_elasticities().priors["mineral"])
    for kind in ("supply", "demand"):
        if name in studied:
            figures[f"elasticities_{kind}"] = elasticity_forest(name, kind)
    return [card, *(path for stem, figure in figures.items() for path in save_figure(figure, folder, stem))]
