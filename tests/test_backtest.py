"""The back-test: event files with their faults, rules of the score by hand, paths against closed forms, the scorecard found again.

The kept scorecard (`python -m experiments.backtest`) shows a change, not that a number is right; what is right is asked of closed forms.
"""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from scipy.optimize import brentq

import floormodel as fm
from experiments.__main__ import main
from experiments.backtest import EXPECTED, EXPECTED_DRAWS, EXPECTED_SEED, cards, expected, frozen_by_year
from experiments.backtest_brief import Pages
from experiments.backtest_events import EVENTS, event_names, read_event
from experiments.backtest_frozen import FIRST, FROZEN, LATER, changed, freeze, frozen_later, not_frozen
from experiments.backtest_marks import KINDS, borrowed_controls, by_theory, marks
from experiments.backtest_run import Outcome, outcome, simulate_event
from experiments.backtest_score import (
    against_theory,
    direction,
    once,
    reasons,
    score,
    size_right,
    summary,
    variants_alone,
    with_and_without_control,
)
from experiments.backtest_signs import sign_of_theory
from experiments.words import number
from floormodel.errors import DataError, ScenarioError
from floormodel.report.brief import render
from tests.written_event import WRITTEN, seen, written

CORE = {"ree_quota_2010", "cobalt_drc_2025", "nickel_indonesia_2014", "gallium_germanium_2023", "graphite_2023_null", "tin_ita_1985",
        "bauxite_indonesia_2014"}
QUICK = ("tin_ita_1985", "graphite_china_2023")


@pytest.fixture(scope="module")
def quick() -> pd.DataFrame:
    return cards([read_event(n) for n in QUICK], EXPECTED_DRAWS, EXPECTED_SEED)


def test_every_event_file_is_read_and_its_market_is_an_equilibrium():
    """`Market` refuses a benchmark that does not balance; that no measure changes nothing is asked of two of them, over years."""
    events = [read_event(n) for n in event_names()]
    assert {e.event for e in events} >= CORE
    for event in events:
        assert event.benchmark.year <= event.year and event.benchmark.horizon == "short"
        assert all(policies for policies in (event.policies(v) for v in event.variant))
    for name in QUICK:
        event = read_event(name)
        path = fm.simulate(event.benchmark, [], (event.year, event.year + 1))
        still = path.dataset["price"].sel(scenario="none").values[:, 0]
        made = event.benchmark.dataset["output0"].values > 0
        assert still[:, made] / event.benchmark.dataset["price0"].values[made] == pytest.approx(1.0, rel=1e-9)


def test_frozen_event_files_are_those_that_were_scored_first(tmp_path):
    """Whoever changes one says so in `frozen.csv`, and the brief prints it. A file that is not listed does not count."""
    table = pd.read_csv(FROZEN, dtype=str, keep_default_na=False)
    assert table["event"].is_unique and set(table["event"]) <= set(event_names()) and set(table["frozen"]) <= {FIRST, LATER}
    assert table["sha256"].str.fullmatch("[0-9a-f]{64}").all()
    assert all(reason for reason in changed().values()), changed()
    other = tmp_path / "frozen.csv"
    table[table["event"] != "tin_ita_1985"].to_csv(other, index=False)
    assert set(not_frozen(event_names(), other)) == {"tin_ita_1985", *not_frozen(event_names())} and not changed(other)
    assert "tin_ita_1985" not in frozen_later() and "tin_ita_1985" in (freeze(other), frozen_later(other))[1]
    table.assign(sha256="0" * 64).to_csv(other, index=False)
    assert set(changed(other)) == set(table["event"])


def test_every_miss_has_a_reason_and_every_reason_a_miss():
    """From the kept tables, without a run: counted misses, and those that the table of misses shows as set by the measure."""
    kept, why = pd.read_csv(EXPECTED), pd.read_csv(EVENTS / "reasons.csv", dtype=str, keep_default_na=False)
    misses = set(kept.loc[~kept["hit"], ["event", "key"]].itertuples(index=False, name=None))
    assert len(misses) > 20 and not why.duplicated(["event", "key"]).any()
    assert set(why[["event", "key"]].itertuples(index=False, name=None)) == misses
    assert why["reason"].str.len().min() > 20 and set(reasons()) == misses


def test_left_out_events_are_not_entered():
    left = pd.read_csv(EVENTS / "not_entered.csv")
    assert left["why"].notna().all() and not set(left["event"]) & {read_event(n).event for n in event_names()}


def test_faults_of_an_event_file_are_named_together(tmp_path):
    with pytest.raises(DataError, match="no file"):
        read_event("ree_quota_2011")
    wrong = WRITTEN.replace('tier = "C"', 'tier = "D"\nauthor = "me"').replace("months = 12", "months = 0.5").replace("= 60,", '= "60 t",')
    with pytest.raises(DataError) as caught:
        written(tmp_path, wrong)
    assert all(word in str(caught.value) for word in ("a.toml: 4 fault(s)", "tier", "observation.1.months", "author",
                                                      "market.figures.2.value: found '60 t'"))
    wrong = (WRITTEN.replace('actor = ["A"]', 'actor = ["C"]').replace('value = 10, unit = "USD/t", year = 2000, source = "book"',
             'value = 10, unit = "USD/t", year = 2000, source = "assumption"').replace('confidence = "read"\nsource = "book"',
             'confidence = "read"\nsource = "film"').replace('"output0"', '"outputs0"'))
    with pytest.raises(DataError) as caught:
        written(tmp_path, wrong)
    assert all(word in str(caught.value) for word in ("4 fault(s)", "outputs0", "without range or reason", "found C", "film"))
    event = written(tmp_path, WRITTEN.replace("value = 60", "value = 160"))
    with pytest.raises(DataError, match="home shipments of good in A: found -60 t"):
        event.benchmark  # noqa: B018
    with pytest.raises(DataError) as caught:
        written(tmp_path, WRITTEN.replace("export_quota", "export_quotas"))
    assert "a.toml: 1 fault(s)" in str(caught.value) and ("variant 'half', policy 1, kind: found export_quotas; expected a kind of "
                                                          "instrument; did you mean 'export_quota'?") in str(caught.value)
    with pytest.raises(DataError, match="variant 'half', policy 1, quota: found '30 t'"):
        written(tmp_path, WRITTEN.replace("quota = 30", 'quota = "30 t"'))


def test_a_market_in_a_file_is_what_output_and_trade_leave(tmp_path):
    market = written(tmp_path).benchmark
    assert market.dataset["flow0"].values[0] == pytest.approx(np.array([[40, 60], [0, 0]]))
    assert market.dataset["final_demand0"].values[0] == pytest.approx([40, 60])


def test_a_quota_that_halves_exports_by_hand(tmp_path):
    """Output is fixed at 100. B gets 30 of 60 t: its price is (1/2)^(-1/0.5) = 4 times. A keeps 70 for 40: (70/40)^(-1/0.5) times.
    The quota ends after one year; speeds of adjustment are one, so that the second year is the benchmark."""
    event = written(tmp_path)
    paths = [fm.simulate(event.benchmark, event.policies(event.variant[0]), (2001, 2002))]

    def found(**fields) -> Outcome:
        return outcome(event, paths, seen(event, **fields))

    inside = (70 / 40) ** -2
    assert found().value == pytest.approx([4]) and found().before == [1] and found().solved == 1
    assert found(metric="inside_price").value == pytest.approx([inside])
    wedge = found(metric="wedge")
    assert wedge.value == pytest.approx([4 / inside]) and wedge.before == pytest.approx([1])
    assert found(metric="exports").value == pytest.approx([0.5])
    assert found(metric="imports", region="B").value == pytest.approx([0.5])
    share = found(metric="output_share", region="A")
    assert share.value == pytest.approx([1]) and share.before == pytest.approx([1])
    assert found(months=13).value == pytest.approx([1])
    assert found(months=13, metric="exports").value == pytest.approx([1])


def test_tonnes_thrown_away_are_no_exports(tmp_path):
    """A ban leaves A with 100 t for demand that takes at most 40 x 0.05^(-0.5) = 178.9 t at the scrap price: none is thrown away. With
    elasticity 0.1 it takes 54 t, and 46 t are."""
    for elasticity in ("0.5", "0.1"):
        text = WRITTEN.replace("quota = 30", "quota = 0").replace("value = 0.5, unit", f"value = {elasticity}, unit")
        event = written(tmp_path, text)
        path = fm.simulate(event.benchmark, event.policies(event.variant[0]), (2001,))
        assert outcome(event, [path], seen(event, metric="exports")).value == pytest.approx([0], abs=1e-9)


def test_the_end_of_tin_support_by_hand():
    """One region: 188,000 p^eps + R = 188,000 p^-eta with the central elasticities of the short run, for each variant's release R."""
    event = read_event("tin_ita_1985")
    first = {k: float(event.benchmark.dataset[f"{k}_elasticity"].values[0, 0]) for k in ("supply", "demand")}
    for variant, release in zip(event.variant, (20_000, 38_500, 57_000)):
        path = fm.simulate(event.benchmark, event.policies(variant), event.years[:1])
        by_hand = brentq(lambda p: 188_000 * p**first["supply"] + release - 188_000 * p ** -first["demand"], 0.01, 1)  # noqa: B023
        found = outcome(event, [path], event.observation[0])
        assert found.value == pytest.approx([by_hand], rel=1e-8)


def test_a_payment_is_what_the_price_lacks_to_the_strike():
    """Against the path's own price: the strike less the producer's price, where only the contract pays."""
    event = read_event("mp_floor_2025")
    path = fm.simulate(event.benchmark, event.policies(event.variant[0]), event.years)
    price = float(path.dataset["price"].sel(scenario="policy", good="ndpr_oxide", region="USA").squeeze())
    o = next(o for o in event.observation if o.metric == "payment")
    assert outcome(event, [path], o).value == pytest.approx([110_000 - price], rel=1e-3)


def test_later_marks_and_borrowed_controls_name_what_exists():
    known = {(n, o.key): o for n in event_names() for o in read_event(n).observation}
    assert set(marks()) <= set(known) and all(kind in KINDS and why for kind, why in marks().values())
    assert not any(known[at].by_measure for at in marks())
    assert {at[1]: c for at, c in borrowed_controls().items()} == {
        "aluminium_3m": 0.932, "aluminium_6m": 0.993, "aluminium_12m": 0.814, "aluminium_24m": 0.624}  # copper, as for nickel
    for (name, key), _ in borrowed_controls().items():
        assert known[name, key].control == 1 and read_event(name).year == read_event("nickel_indonesia_2014").year


def test_the_sign_of_theory_by_hand(tmp_path):
    """A quota: 1.5 times outside, 1 / 1.5 in exports. Stock sold: the price falls. 0.326 of output held back is 0.217."""
    event, tin = written(tmp_path), read_event("tin_ita_1985")
    assert by_theory(event, event.observation[0]) == 1.5 and by_theory(event, seen(event, metric="exports")) == pytest.approx(2 / 3)
    assert by_theory(event, seen(event, metric="output_share", region="A", before=0.326)) == pytest.approx(0.326 / 1.5)
    assert by_theory(tin, tin.observation[0]) == pytest.approx(2 / 3)
    line = against_theory(event, event.observation[0], 3.0)  # seen 4: up, but not within a factor of two of 1.5
    assert line["theory_direction"] and not line["theory_size"] and not line["theory_hit"] and line["as_theory"]
    assert all(sign_of_theory(read_event(n), o) in (-1, 0, 1) for n in event_names() for o in read_event(n).observation)


def test_variants_and_controls_by_hand(tmp_path):
    """Variants at 1.5 and 9 around a seen 4 over a control of 2: the first alone hits, and they differ more than their draws. Without
    the control the median of 1.5 misses 4."""
    o = seen(written(tmp_path), control=2.0)
    low, high = np.linspace(1.4, 1.6, 11), np.linspace(8.9, 9.1, 11)
    found = Outcome(low, np.ones(11), 1.0, {"low": low, "high": high})
    line = variants_alone(o, found)
    assert (line["variants"], line["variants_that_hit"], line["range_of_variants"]) == (2, "low", True)
    both = with_and_without_control(o, found, 2.0)
    assert (both["observed_alone"], both["observed_over"]) == (4, 2) and both["hit_over"] and not both["hit_alone"]


def test_directions_and_sizes_by_hand():
    assert [direction(x, 1) for x in (1.1, 1.11, 0.9, 0.89, 0)] == ["none", "up", "none", "down", "down"]
    assert direction(0.41, 0.326) == "up" and direction(1.4, 1.31) == "none" and direction(5, 0) == "up" and direction(0, 0) == "none"
    assert size_right("outside_price", 2, 1) and not size_right("outside_price", 2.01, 1) and size_right("inside_price", 0.5, 1)
    assert size_right("wedge", 1.5, 1) and not size_right("wedge", 1.6, 1)
    assert size_right("exports", 0.5, 0.7) and size_right("exports", 0.2, 0) and not size_right("exports", 0.51, 0.3)
    assert not size_right("payment", 0, 5) and size_right("payment", 10, 5)


def test_a_score_by_hand(tmp_path):
    """Seen 4 over a control of 2, so 2; the model's median 1.5 is up and within a factor of two; 2 is beyond its 95 %."""
    o = seen(written(tmp_path), control=2.0, low=3.0, high=5.0)
    line = score(o, Outcome(np.linspace(1.2, 1.8, 101), np.ones(101), 1.0))
    assert (line["observed"], line["low"], line["high"], line["q50"]) == pytest.approx((2, 1.5, 2.5, 1.5))
    assert line["hit"] and not line["inside"] and line["naive_size"] and not line["naive_hit"]
    line = score(o, Outcome(np.array([0.5, 0.6, 0.7]), np.ones(3), 1.0))
    assert not line["direction"] and not line["size"] and line["direction_model"] == "down"


def same(now: pd.DataFrame, kept: pd.DataFrame) -> None:
    assert now[["event", "key", "metric"]].to_numpy().tolist() == kept[["event", "key", "metric"]].to_numpy().tolist()
    for column in ("observed", "q05", "q50", "q95"):
        assert now[column].to_numpy() == pytest.approx(kept[column].to_numpy(), rel=1e-5, abs=1e-7), column
    for column in ("direction", "size", "hit", "inside", "counted", "theory_hit", "hit_alone", "hit_over"):
        assert now[column].astype(bool).tolist() == kept[column].astype(bool).tolist(), column


def test_the_scorecard_is_found_again(quick):
    """That of two quick events; `python -m experiments.backtest` writes that of all, and no difference should be left behind."""
    kept = pd.read_csv(EXPECTED)
    assert sorted(set(kept["event"])) == sorted(e.name for e in frozen_by_year())
    same(quick, pd.concat([kept[kept["event"] == n] for n in QUICK]))


def test_buyers_who_are_rationed_to_nothing_have_a_price():
    """Under the quota of 2010 three importers stand at the same choke price: who of them gets what is open, what they would pay is not."""
    event = read_event("ree_quota_2010")
    data = simulate_event(event, 20, 7)[0].dataset.isel(good=0, period=0)
    price, free = (data["buyer_price"].sel(scenario=s, region=["JPN", "USA", "EU27"]) for s in ("policy", "none"))
    assert bool(data["converged"].all()) and bool(price.notnull().all())
    choke = float(event.benchmark.dataset["choke_factor"].isel(good=0)) * free  # 20 times the benchmark price
    assert int((np.abs(price / choke - 1) < 1e-9).all("region").sum()) > 3


@pytest.mark.slow
def test_the_whole_scorecard_is_found_again():
    """All frozen events, run again and set beside `backtest.expected.csv`."""
    same(expected(frozen_by_year()), pd.read_csv(EXPECTED))


def test_counts_and_pages_say_what_the_scorecard_holds(quick):
    groups = summary(quick).set_index("group")
    assert groups.loc["All observations", "observations"] == len(quick) == 9
    free = quick[quick["counted"]]
    assert groups.loc["Not scored", "observations"] == 2  # prices of graphite
    assert groups.loc["All others", "hit"] == free["hit"].sum() and groups.loc["Set by the measure itself", "observations"] == 2
    rows = once(quick)
    assert len(rows) == 4  # tin: two years; graphite: price and exports of one
    page = render(Pages([read_event(n) for n in QUICK], quick, 20, 7).brief())
    assert f"{int(free['hit'].sum())} of {len(free)}" in page and not re.search(r"\bnan\b|NaN", re.sub(r"data:image[^\"]*", "", page))
    said = Pages([read_event(n) for n in (*QUICK, "coffee_ica_1989")], quick, 20, 7)
    assert "Not so: End of coffee quotas, 1989, written after the scores of the others were known" in said.written()
    assert f"it hits {number(once(free)['hit'].sum())} of 2" in said.without_later()  # tin, two years: graphite has no row that counts
    for miss in free[~free["hit"]].itertuples():
        assert reasons()[(miss.event, miss.key)] in page.replace("&#x27;", "'").replace("&#39;", "'")


def test_a_market_is_refused():
    done = CliRunner().invoke(main, ["backtest", "--market", "cobalt", "-o", "unused_folder"])
    assert done.exit_code == ScenarioError.exit_code and "own market" in done.output


def test_the_experiment_writes_its_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.backtest.event_names", lambda folder: list(QUICK))
    done = CliRunner().invoke(main, ["backtest", "-o", str(tmp_path / "out"), "--draws", "3"])
    assert done.exit_code == 0, done.output[-2000:]
    record = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))
    assert record["share_converged"] == 1 and record["draws"] == 3 and sorted(record["events"]) == sorted(QUICK)
    assert len(pd.read_csv(tmp_path / "out" / "scorecard.csv")) == sum(len(read_event(n).observation) for n in QUICK)
    assert (tmp_path / "out" / "figures" / "prices.svg").exists()
