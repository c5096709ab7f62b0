"""Shapley shares against hand calculations and their axioms; what binds, in words, against markets worked out by hand."""

import itertools
import math
import re
import sys
from dataclasses import replace

import numpy as np
import pytest

import floormodel as fm
from floormodel.errors import InertWarning
from floormodel.policies import REGISTRY

# One mine, X = p, and one plant, D = 12 - P. Under wedges of T USD/t in all: p = 6 - T/2 = X and P = p + T.
LINES = {"supply": {"mine": (0, 1)}, "demand": {"plant": (12, -1)}}
DUTY = fm.ImportTariff(good="good", importers=["plant"], levy=2.0)
TAX = fm.ExportTax(good="good", exporters=["mine"], levy=4.0)
IDLE = fm.ExportQuota(good="good", exporter="mine", quota=100.0)


def market(draws=None):
    """With draws: demand is g (12 - P), so that p = g (12 - T) / (1 + g)."""
    plain = fm.linear_market(**LINES)
    return plain if draws is None else plain.replace(demand_shift=np.stack([[[1.0, g]] for g in draws]))


def shares(found, measure, region, column="share"):
    rows = found.frame[(found.frame["measure"] == measure) & (found.frame["region"] == region)]
    return rows.groupby("instrument")[column].apply(np.array).to_dict()


def close(value, rel=1e-8):
    return pytest.approx(value, rel=rel, abs=1e-7)


def test_two_instruments_by_hand():
    """Duty 2 and tax 4. T = 0, 2, 4, 6 for none, duty, tax, both; X = p = 6, 5, 4, 3.

    Revenue X^2: 36, 25, 16, 9. Duty: [(25 - 36) + (9 - 16)] / 2 = -9. Tax: [(16 - 36) + (9 - 25)] / 2 = -18.
    The plant's treasury 2 X under the duty: 0, 10, 0, 6. Duty: [10 + 6] / 2 = 8. Tax: [0 + (6 - 10)] / 2 = -2.
    World welfare -T^2 / 4: 0, -1, -4, -9. Duty: [-1 - 5] / 2 = -3. Tax: [-4 - 8] / 2 = -6.
    """
    found = fm.explain(market(), [DUTY, TAX], ["price:good:mine", "producer_revenue", "treasury", "welfare", "bloc_cost"], bloc=["plant"])
    assert shares(found, "price", "mine") == {"1:import_tariff": close([-1]), "2:export_tax": close([-2])}
    assert shares(found, "producer_revenue", "mine") == {"1:import_tariff": close([-9]), "2:export_tax": close([-18])}
    assert shares(found, "producer_revenue", "mine", "first") == {"1:import_tariff": close([-11]), "2:export_tax": close([-20])}
    assert shares(found, "producer_revenue", "mine", "last") == {"1:import_tariff": close([-7]), "2:export_tax": close([-16])}
    assert shares(found, "treasury", "plant") == {"1:import_tariff": close([8]), "2:export_tax": close([-2])}
    world = [shares(found, "welfare", region) for region in ("mine", "plant")]
    assert [world[0][k] + world[1][k] for k in world[0]] == [close([-3]), close([-6])]
    assert shares(found, "bloc_cost", "bloc")["1:import_tariff"] == close(-shares(found, "welfare", "plant")["1:import_tariff"])


def test_what_readers_see():
    """The same with a million times the tonnes: revenue in USD m."""
    large = fm.linear_market({"mine": (0, 1e6)}, {"plant": (12e6, -1e6)})
    found = fm.explain(large, [DUTY, TAX], "producer_revenue")
    assert "| Producer revenue | Good | Mine | −9.0 | −18.0 | −27.0 |" in repr(found)
    assert "−18.0</td>" in found._repr_html_()


def test_three_instruments_and_draws_against_all_orders():
    """Revenue X^2 with X = g (12 - T) / (1 + g), averaged over the 3! orders of introduction; shares add up draw by draw."""
    draws = np.array([0.5, 1.0, 2.0, 3.0])
    levies = {"1:import_tariff": 2.0, "2:export_tax": 4.0, "3:import_tariff": 1.0}
    third = fm.ImportTariff(good="good", importers=["plant"], levy=1.0)
    found = fm.explain(market(draws), [DUTY, TAX, third], ["producer_revenue", "welfare", "output", "hhi_low"])

    def revenue(levied):
        return (draws * (12 - sum(levied)) / (1 + draws)) ** 2

    expected = dict.fromkeys(levies, 0.0)
    for order in itertools.permutations(levies):
        for k, name in enumerate(order):
            levied = [levies[n] for n in order[:k]]
            expected[name] = expected[name] + (revenue([*levied, levies[name]]) - revenue(levied)) / math.factorial(3)
    got = shares(found, "producer_revenue", "mine")
    assert list(got) == list(levies) and found.unsolved_draws == 0
    for name in levies:
        assert got[name] == close(expected[name])
    rows = found.frame.groupby(["measure", "good", "region", "draw"])
    assert np.allclose(rows["share"].sum(), rows["effect"].first(), rtol=1e-12, atol=1e-12)
    table = found.table().set_index(["measure", "region", "instrument"])
    assert table.loc[("producer_revenue", "mine", "1:import_tariff"), "mean"] == close(expected["1:import_tariff"].mean())


def test_symmetric_instruments_share_alike_and_an_idle_one_gets_nothing():
    """A duty and an export tax of the same 3 USD/t do the same to X^2: 36, 20.25, 9, so -13.5 each."""
    duty, tax = (p.model_copy(update={"levy": 3.0}) for p in (DUTY, TAX))
    found = fm.explain(market(), [IDLE, duty, tax], "producer_revenue")
    assert shares(found, "producer_revenue", "mine") == {
        "1:export_quota": close([0]), "2:import_tariff": close([-13.5]), "3:export_tax": close([-13.5])}


def test_the_order_of_policies_does_not_matter():
    mix = [DUTY, TAX, fm.ExportQuota(good="good", exporter="mine", quota=2.0)]
    one, other = (fm.explain(market(), order, ["welfare", "price"]) for order in (mix, mix[::-1]))
    for measure, region in (("welfare", "plant"), ("welfare", "mine"), ("price", "mine")):
        a, b = (shares(found, measure, region) for found in (one, other))
        assert list(a.values()) == [close(v) for v in reversed(list(b.values()))]


def test_a_solved_scenario_brings_its_instruments_and_each_subset_is_solved_once(monkeypatch):
    module, seen = sys.modules["floormodel.explain"], []
    find = module.find_quietly
    monkeypatch.setattr(module, "find_quietly", lambda m, p: seen.append(len(p)) or find(m, p))
    run = fm.solve(market(), [DUTY, TAX, IDLE])
    found = fm.explain(run, measures=["producer_revenue"])
    assert sorted(seen) == [1, 1, 1, 2, 2, 2]  # neither none nor all: both are at hand
    assert shares(found, "producer_revenue", "mine")["1:import_tariff"] == close([-9])


def test_draws_that_a_subset_leaves_unsolved_are_flagged_and_counted(monkeypatch):
    module = sys.modules["floormodel.explain"]
    find = module.find_quietly

    def failing(given, policies):
        solved = find(given, policies)
        bad = np.arange(given.draws) == (1 if policies[0] is TAX else -1)
        return replace(solved, solution=replace(solved.solution, converged=~bad))

    monkeypatch.setattr(module, "find_quietly", failing)
    found = fm.explain(market(np.array([1.0, 2.0, 3.0])), [DUTY, TAX], "producer_revenue")
    assert found.solved.tolist() == [True, False, True] and found.unsolved_draws == 1
    for values in shares(found, "producer_revenue", "mine").values():
        assert np.isnan(values).tolist() == [False, True, False]
    assert found.table()["present"].eq(2 / 3).all() and "2 of 3 draws" in repr(found)


@pytest.mark.parametrize("policies, measures, words", [
    ([], "price", "found 0 instruments"), ([DUTY] * 9, "price", "found 9 instruments"), (DUTY, "price", "outside a list"),
    ([DUTY], "prise", "did you mean 'price'"), ([DUTY], "price:gold", "found gold; expected a good"),
    ([DUTY], ["price:good:mime"], "did you mean 'mine'"), ([DUTY], "price:good:mine:1", "name:good:region"),
])
def test_what_cannot_be_explained_is_refused(policies, measures, words):
    with pytest.raises(fm.ScenarioError, match=re.escape(words)):
        fm.explain(market(), policies, measures)


# what binds


def said(policies, given=None):
    return fm.binding(fm.solve(given or market(), policies))


def test_a_quota_that_binds_and_one_that_is_slack():
    """6 t without policy. Quota 4: p = 4, P = 12 - 4 = 8, rent 4. Quota 8 leaves room."""
    assert said([fm.ExportQuota(good="good", exporter="mine", quota=4.0)]) == ["Policy 1 (export_quota), good: binding, rent 4.00 USD/t."]
    assert said([fm.ExportQuota(good="good", exporter="mine", quota=8.0)]) == [
        "Policy 1 (export_quota), good: slack, rent at its lower bound of 0 USD/t."]


def test_with_draws_shares_of_draws_and_ranges():
    """Exports 12 g / (1 + g): 6, 6.29, 7.2, 8. Quota 6.5 binds for g = 1.5 and 2, rent 12 - 6.5 / g - 6.5 = 1.167 and 2.25:
    median 1.708, 5 and 95 % 1.221 and 2.196."""
    given = market(np.array([1.0, 1.1, 1.5, 2.0]))
    text, = said([fm.ExportQuota(good="good", exporter="mine", quota=6.5)], given)
    assert text.startswith("Policy 1 (export_quota), good: in 50 % of draws ") and text.endswith(".")
    assert "in 50 % of draws slack, rent at its lower bound of 0 USD/t" in text
    assert "in 50 % of draws binding, rent 1.71 (1.22 to 2.20) USD/t" in text
    run = fm.solve(given, [fm.ExportQuota(good="good", exporter="mine", quota=6.5)])
    unsolved = replace(run.solved.solution, converged=np.array([False, False, True, False]))
    run = replace(run, solved=replace(run.solved, solution=unsolved))
    assert fm.binding(run) == ["Policy 1 (export_quota), good: binding, rent 1.17 USD/t.",
                               "3 of 4 draws were not solved; nothing here speaks of them."]


@pytest.mark.parametrize("price, cap, words", [
    (8.0, None, "binding, 4.00 USD/t on average levied on imports"),  # P = 8, D = X = p = 4
    (8.0, 2.0, "at its cap, 2.00 USD/t on average levied"),  # T = 2: P = 7
    (5.0, None, "slack, imports reach the border at 6.00 USD/t on average"),
])
def test_a_floor_holds_is_capped_or_slack(price, cap, words):
    text, = said([fm.PriceFloor(good="good", members=["plant"], price=price, duty_cap=cap)])
    assert text.startswith(f"Policy 1 (price_floor), floor of {price:.2f} USD/t on good in plant: {words}")


def test_a_floor_without_imports_is_not_reached():
    """Two regions alike, X = p and D = 12 - P: both at 6, freight 1 keeps them apart."""
    lines = {"home": (0, 1), "abroad": (0, 1)}
    alike = fm.linear_market(lines, {r: (12, -1) for r in lines}, freight=1.0)
    with pytest.warns(InertWarning):
        text, = said([fm.PriceFloor(good="good", members=["home"], price=7.0)], alike)
    assert text.endswith("on good in home: not reached, imports are zero and the home price is 6.00 USD/t.")


def test_a_budget_is_used_up_or_not():
    """Strike 8 alone: X = 8, P = 4, outlay 32. With a budget of 16, (X - p) X = 16 and p = 12 - X: X = 3 + sqrt(17) = 7.123,
    gap 2.246, scaling 2.246 / (8 - 4.877) = 0.719."""
    subsidy = {"good": "good", "regions": ["mine"], "strike": 8.0}
    assert said([fm.PriceGapSubsidy(**subsidy, budget=16.0)]) == [
        "Policy 1 (price_gap_subsidy), good: budget used up, guarantee scaled to 0.72.",
        "Policy 1 (price_gap_subsidy), good of mine: pays 2.25 USD/t on all output."]
    assert said([fm.PriceGapSubsidy(**subsidy, budget=40.0)])[0].endswith("budget not used up, guarantee paid in full.")


def test_a_pay_back_at_its_cap():
    """A mine and its buyers: p = 6 is 2 above the threshold of 4: on 2 of 6 m t, 4 m USD are paid back, or the cap of 3 m."""
    large = fm.linear_market({"mine": (0, 1e6)}, {"mine": (12e6, -1e6)})
    contract = {"good": "good", "regions": ["mine"], "strike": 3.0, "upside_threshold": 4.0, "upside_share": 1.0, "volume_cap": 2e6}
    for cap, words in ((None, "2.00 USD/t"), (5e6, "2.00 USD/t"), (3e6, "3.00 USD m/yr, the most it allows")):
        assert said([fm.PriceGapSubsidy(**contract, clawback_cap=cap)], large) == [
            f"Policy 1 (price_gap_subsidy), good of mine: producers pay back {words}."]


@pytest.mark.parametrize("quota, words", [
    (8.0, "good: slack, levy[mine] at its lower bound of 0, 0 USD/t on average levied on imports from mine."),  # 6 t come in
    (5.0, "good: binding, levy[mine] 0.50, 2.00 USD/t on average levied on imports from mine."),  # X = 5 = p, P = 7; 2 of 9 - 5
    (2.0, "good: at its cap, levy[mine] at its upper bound of 1.00, 6.00 USD/t on average levied on imports from mine."),  # P = 9, X = 3
    (0.0, "floor of 9.00 USD/t on good from mine in plant: binding, 6.00 USD/t on average levied on imports."),
])
def test_a_levy_beyond_a_quota_is_no_floor(quota, words):
    assert said([fm.VariableLevyQuota(good="good", importers=["plant"], threshold=9.0, quota={"mine": quota})]) == [
        f"Policy 1 (variable_levy_quota), {words}"]


def test_an_entry_price_names_the_route():
    """P = 8 and p = X = 4, above the cliff of 0.4 x 8: the levy fills the gap of 4."""
    text, = said([fm.EntryPrice(good="good", importers=["plant"], entry_price=8.0, max_duty=5.0, cliff=0.4)])
    assert text == ("Policy 1 (entry_price), good: slack, cliff[mine-plant] at its lower bound of 0, 4.00 USD/t on average levied on "
                    "imports from mine.")


def test_a_purchase_at_its_cap_and_capacity():
    """A mine that makes no more than 5 t; a stock of 1 t bought in any case: P = 12 - 4 = 8."""
    given = market().replace(capacity=5.0)
    texts = said([fm.Stockpile(good="good", region="plant", purchase=1.0)], given)
    assert texts == ["Policy 1 (stockpile), good: at its cap, purchase at its upper bound of 1.00 t/yr.",
                     "good in mine: at capacity, 5.00 t/yr."]


def test_tonnes_thrown_away():
    assert said([], fm.linear_market({"home": (80, 1)}, {"home": (50, -5)}))[0].startswith("good in home: throws away 30.0 t/yr")


def test_buyers_rationed_at_the_choke_price():
    """D = 10 (P / 100)^-0.1, choke price 200: they want 10 * 2^-0.1 = 9.330 there and get the quota of 1: 10.7 %."""
    flow = np.array([[0.0, 10.0], [0.0, 0.0]])
    given = fm.market_from_arrays("short", ["good"], ["mine", "plant"], {
        "price0": 100.0, "output0": np.array([[10.0, 0]]), "final_demand0": np.array([[0, 10.0]]), "flow0": flow[None],
        "supply_elasticity": 1.0, "demand_elasticity": 0.1, "sourcing_elasticity": 2.0, "choke_factor": 2.0})
    texts = said([fm.ExportQuota(good="good", exporter="mine", quota=1.0)], given)
    assert "good in plant: buyers are rationed at the choke price, they get 10.7 % of what they want." in texts


def test_a_node_is_shut_for_want_of_an_input():
    given = fm.load_market("rare_earths")
    assert given.dataset["output0"].sel(good="ndpr_oxide", region="JPN") == 0
    no_oxide = [fm.ExportQuota(good="ndpr_oxide", exporter=r, quota=0.0, destinations=["JPN"]) for r in given.regions
                if r != "JPN" and given.dataset["flow0"].sel(good="ndpr_oxide", origin=r, destination="JPN") > 0]
    texts = said(no_oxide, given)
    assert "magnet in JPN: shut, no open route brings ndpr_oxide." in texts
    assert any(t.startswith("Routes closed to ndpr_oxide: CHN to JPN") for t in texts)


@pytest.mark.parametrize("kind", sorted(REGISTRY))
def test_every_instrument_is_described_from_its_terms(kind):
    """Whatever an instrument adds (unknowns, floors, contracts, content duties) has a sentence that names it, with numbers."""
    cls = REGISTRY[kind]
    run = fm.solve(fm.load_market(cls.example_market), [cls(**cls.example)])
    terms, texts = run.solved.terms, fm.binding(run)
    named = [t for t in texts if t.startswith(f"Policy 1 ({kind})")]
    floors = sum(floor.unknown is None for floor in terms.floors)
    assert len(named) >= len(terms.unknowns) + floors + len(terms.contents) + len(terms.contracts)
    assert all(t.endswith(".") and not re.search(r"nan|inf\b|\{|–", t) for t in texts)
