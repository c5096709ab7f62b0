"""Events that are added: any instrument as the measure, one file, the sign of theory where it has one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import floormodel as fm
from experiments.backtest import cards, events_by_year
from experiments.backtest_brief import Pages
from experiments.backtest_events import METRICS, read_event
from experiments.backtest_run import outcome
from experiments.backtest_score import against_theory
from experiments.backtest_signs import BY_FIELDS, FAMILIES, REGIONAL, WITHOUT_SIGN, sign_of_theory, signs_of
from floormodel.report.brief import render
from tests.written_event import WRITTEN, seen, written


def test_every_instrument_can_be_the_measure_of_an_event():
    """Each kind of the registry has signs or none; a kind that is new has none until someone writes them."""
    lists = (set(FAMILIES), set(BY_FIELDS), set(WITHOUT_SIGN))
    assert sum(map(len, lists)) == len(set.union(*lists)) and set.union(*lists) <= set(fm.REGISTRY)
    metrics = {*METRICS, *(f"{m}_elsewhere" for m in REGIONAL)}
    for kind, instrument in fm.REGISTRY.items():
        signs = signs_of(instrument(**instrument.example))
        assert signs is None or (set(signs) <= metrics and set(signs.values()) <= {-1, 0, 1}), kind
        assert signs is not None or kind not in FAMILIES or instrument.example.get("replaces_existing"), kind
    assert signs_of(fm.ExportTax(good="good", exporters=["A"], rate=-0.1)) is None
    assert signs_of(fm.ExportTax(good="good", exporters=["A"], rate=0.1, replaces_existing=True)) is None
    assert signs_of(fm.Stockpile(good="good", region="A")) is None


MADE_IN_BOTH = WRITTEN.replace("value = 0, unit", "value = 0.4, unit").replace("figures = [", """figures = [
  { variable = "output0", good = "good", region = "B", value = 50, unit = "t/yr", year = 2000, source = "book" },
  { variable = "flow0", good = "good", region = "B", partner = "A", value = 10, unit = "t/yr", year = 2000, source = "book" },""")


@pytest.mark.parametrize("policy", [
    'kind = "export_quota", exporter = "A", quota = 40', 'kind = "export_tax", exporters = ["A"], rate = 0.2',
    'kind = "import_tariff", importers = ["A"], rate = 0.2', 'kind = "production_subsidy", regions = ["A"], rate = 3',
    'kind = "processing_capacity", region = "A", limit = 70', 'kind = "use_tax", regions = ["A"], rate = 3',
    'kind = "stockpile", region = "A", purchase = 20', 'kind = "stockpile", region = "A", release = 20, release_price = 1'])
def test_signs_of_theory_are_those_of_a_market_of_two_regions(tmp_path, policy):
    """A second route to the signs: A and B make and use the good and trade it both ways, so that nothing is at a corner."""
    text = MADE_IN_BOTH.replace('kind = "export_quota", good = "good", exporter = "A", quota = 30', f'good = "good", {policy}')
    event = written(tmp_path, text)
    path, asked = fm.simulate(event.benchmark, event.policies(event.variant[0]), (2001,)), 0
    for metric in METRICS:
        for region in ("A", "B") if metric in REGIONAL else (None,):
            o = seen(event, metric=metric, region=region)
            sign = sign_of_theory(event, o)
            if metric != "payment" and sign is not None:
                found = outcome(event, [path], o)
                assert np.sign(np.round(found.value / found.before - 1, 7)) == sign, (metric, region, found.value)
                asked += 1
    assert asked >= 6


EXPORT_TAX = WRITTEN.replace('kind = "export_quota", good = "good", exporter = "A", quota = 30, first = 0, last = 0',
                             'kind = "export_tax", good = "good", exporters = ["A"], rate = 0.44').replace("value = 4\n", "value = 1.3\n")


def test_one_new_file_is_all_that_an_event_takes(tmp_path):
    """An export tax of 44 % in an otherwise empty folder. Output is fixed at 100 = 40 p^-0.5 + 60 (1.44 p)^-0.5, so p = 0.9^2 = 0.81 and
    the price outside 1.44 x 0.81. Up and near: a hit, of theory too; but without a frozen hash it is shown and not counted."""
    (tmp_path / "a_tax.toml").write_text(EXPORT_TAX, "utf-8")
    events = events_by_year(tmp_path)
    card = cards(events, 20, 7)
    row = card.iloc[0]
    assert len(card) == 1 and row["q50"] == pytest.approx(1.44 * 0.81, rel=1e-8)
    assert row["hit"] and row["theory"] == 1.5 and row["theory_hit"] and not row["naive_hit"]
    assert row["mark"] == "not_frozen" and not row["counted"]
    kept = [read_event("tin_ita_1985")]
    tin = cards(kept, 20, 7)
    both, alone = Pages([*kept, *events], pd.concat([tin, card]), 20, 7), Pages(kept, tin, 20, 7)
    assert [h.value for h in both.headlines()] == [h.value for h in alone.headlines()] and both.answers()[:4] == alone.answers()[:4]
    assert "Not frozen, not counted: A quota." in both.notes() and not any("ot frozen" in note for note in alone.notes())
    assert render(both.brief()).count("not frozen, not counted") == 2  # by event, and in the scorecard


def test_what_theory_has_no_sign_for_is_not_scored_by_it(tmp_path):
    """The share of rivals under a tax on use, and any row of offtake: no forecast, no mark, and no part of the whole."""
    text = EXPORT_TAX.replace('kind = "export_tax", good = "good", exporters = ["A"], rate = 0.44',
                              'kind = "use_tax", good = "good", regions = ["A"], rate = 1')
    event = written(tmp_path, text)
    assert sign_of_theory(event, seen(event, metric="output_share", region="B")) is None
    line = against_theory(event, seen(event, metric="wedge"), 1.2)
    assert np.isnan(line["theory"]) and not any(line[k] for k in ("theory_scored", "theory_direction", "theory_size", "theory_hit"))
    card = cards([event], 2, 7).assign(counted=True)
    page = Pages([event], pd.concat([card, card.assign(theory_scored=False, theory_hit=False)]), 2, 7)
    assert page.part("theory_hit").endswith("of 1") and page.part("hit").endswith("of 2")
