"""The experiments over ten years: pages whose numbers are those of the paths behind them."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import floormodel as fm
from experiments import credibility_results, ten_years_results, ten_years_variants
from experiments.__main__ import main
from experiments.ten_years_answers import Answers
from experiments.ten_years_brief import Pages
from experiments.ten_years_money import bill, ex_post
from experiments.ten_years_reading import Reading, crossing, from_level
from experiments.ten_years_results import FLOOR, GROWTH, NONE, SUBSIDY, YEARS, ending, projections_of, scenarios
from experiments.ten_years_supply import AFTER, buying, extremes, owners, ownership, year_market
from experiments.ten_years_variants import CUT, LAST, REQUIREMENT, TAX, Found, best_plant, exporter, ore_price, share_kept
from floormodel.accounts import OWNER, ledger
from floormodel.dynamics.entry import profitability
from floormodel.indicators.concentration import hhi_bounds, ownership_bounds
from floormodel.report.brief import render


@pytest.fixture(scope="module")
def results():
    return ten_years_results.compute("rare_earths", 3, 7, iter)


def test_what_the_page_says_is_what_the_paths_hold(results):
    path = results.paths[FLOOR]
    assert path.converged.all() and set(results.paths) == {FLOOR, "Floor, products covered", SUBSIDY, ending(FLOOR), ending(SUBSIDY)}
    use = path.dataset["output"].sel(scenario="policy", good="ndpr_oxide", region="USA").values.T
    assert np.array_equal(results.series("output", FLOOR, "ndpr_oxide", ["USA"]), use)
    made = results.supply(NONE, "ndpr_oxide")[0, LAST]
    share = made / made.sum()
    rest = results.market.regions.index("ROW")
    known = np.delete(share, rest)
    _, high = hhi_bounds(known[None], share[[rest]], cap=np.array([min(share[rest], np.sort(known)[-2])]))
    assert np.isclose(results.hhi(NONE, "ndpr_oxide")[0, LAST], high[0])
    pages = Reading(results)
    share_paid = np.mean(path.dataset["profitability"].sel(scenario="policy", plan="ndpr_refinery:USA").values[0] > 0)
    assert pages.chance(FLOOR, "ndpr_refinery:USA") == share_paid
    built = sum(path.dataset["running"].sel(scenario="policy", plan=p).values[LAST] for p in pages.bloc_plans)
    assert np.allclose(pages.built(FLOOR), built)


def test_doubt_never_builds_more():
    market, case, bloc = ten_years_results.prepare("rare_earths", 2, 7)
    policies = scenarios(market, case, bloc)[SUBSIDY]
    found = ten_years_results.follow(market, case, bloc, {str(h): credibility_results.doubted(policies, h) for h in (0.0, 0.1)}, iter)
    for plan in Reading(found).bloc_plans:
        index, less = (found.series("profitability", s, plan=plan)[:, 0] for s in ("0.0", "0.1"))
        sure, doubted = (found.series("started", s, plan=plan)[:, 0] for s in ("0.0", "0.1"))
        assert np.all(less < index) and np.all(doubted <= sure), plan


def test_value_added_is_that_of_the_static_market(results):
    """The first year of a path is a static market, whose ledger books what producers receive and what their inputs cost."""
    static = fm.solve(year_market(results, FLOOR, YEARS[0]), scenarios(results.market, results.case, results.bloc)[FLOOR]).indicators()
    for good in results.market.goods:
        booked = static.select("value_added", good).groupby("draw")["value"].sum().to_numpy()
        assert np.allclose(results.value_added(FLOOR, [good], results.market.regions)[:, 0], booked, rtol=1e-9), good


def test_the_year_after_is_where_the_path_goes_on(results):
    policies = scenarios(results.market, results.case, results.bloc)[SUBSIDY]
    made = fm.solve(year_market(results, SUBSIDY, AFTER), policies).solved.state.output
    on = fm.simulate(results.market, policies, [AFTER], plans=results.plans, growth=projections_of(results.market), growth_scenario=GROWTH,
                     state=results.paths[SUBSIDY].state)
    assert np.allclose(made, on.dataset["output"].sel(scenario="policy").values[0], rtol=1e-9, atol=1e-6)


def test_what_is_left_when_a_supplier_stops(results):
    """By hand: use without what the origin makes and recycles, over that of the run without policy."""
    found, good, who = buying(results, AFTER, 0), "ndpr_oxide", "MYS"
    market = year_market(results, FLOOR, AFTER)
    at = market.goods.index(good), market.regions.index(who)
    gone = {}
    for name in ("supply_shift", "secondary_shift"):
        gone[name] = market.dataset[name].values.copy()
        gone[name][..., at[0], at[1]] = 0.0
    inside = [r in results.bloc for r in market.regions]
    hit = fm.solve(market.replace(**gone), scenarios(results.market, results.case, results.bloc)[FLOOR]).solved
    free = fm.solve(year_market(results, NONE, AFTER)).solved
    use, use0 = (x.state.use[:, at[0]][:, inside].sum(1) for x in (hit, free))
    other, = found[FLOOR].stops
    assert np.allclose(other.left, use / use0, rtol=1e-6)
    before = fm.solve(market, scenarios(results.market, results.case, results.bloc)[FLOOR]).solved.state.use[:, at[0]][:, inside].sum(1)
    assert np.allclose(other.before, before / use0, rtol=1e-9) and np.allclose(other.kept, use / before, rtol=1e-6)
    flow = free.state.flow[at[0]][:, :, inside].sum(2)
    lead = market.regions.index("CHN")
    apart = [r in (*results.bloc, "CHN") for r in market.regions]
    assert np.allclose(found[NONE].leader, flow[:, lead] / flow.sum(1), rtol=1e-9)
    assert other.origin == who == results.market.regions[int(np.argmax(np.where(apart, 0, flow.mean(0))))]


def test_hhi_by_owner_gives_each_owner_its_share(results):
    """Ownership as the table has it: China holds 98 % of its own ore and 7.7 % of that of the United States."""
    found = owners(results)
    made = results.supply(FLOOR, "mined")[0, LAST]
    held = dict(zip(results.market.regions, made / made.sum()))
    held["CHN"], held["USA"] = held["CHN"] + 0.077 * held["USA"], (1 - 0.077) * held["USA"]
    named = np.array([v for k, v in held.items() if k != "ROW"])
    _, high = hhi_bounds(named[None], np.array([held["ROW"]]), cap=np.array([min(held["ROW"], np.sort(named)[-2])]))
    assert found.stage == "mined" and np.isclose(found.reading[FLOOR][0, LAST], high[0])
    assert np.all(found.change[FLOOR][:, 0] <= found.change[FLOOR][:, 1])
    gallium = replace(results, market=fm.load_market("gallium", horizon="short"))
    assert owners(gallium) is None


def test_extreme_owners_attain_the_sharp_bounds(results):
    """Over the extreme readings the HHI runs from the smallest to the largest that ownership_bounds finds; all is shared out."""
    _, rows = ownership(results.market)
    regions, names = results.market.regions, sorted(rows["owner"].unique())
    low, high = np.zeros((len(regions), len(names))), np.ones((len(regions), len(names)))
    for row in rows.to_dict("records"):
        at = regions.index(row["region"]), names.index(row["owner"])
        low[at], high[at] = row["low"], row["high"]
    made = results.supply(FLOOR, "mined")[0, LAST]
    share = made / made.sum()
    found = extremes(low, high)
    index = [float(((share @ held) ** 2).sum()) for held in found]
    assert np.allclose([min(index), max(index)], ownership_bounds(share, low, high)[2])
    assert all(np.allclose(held.sum(1), 1) for held in found[1:])


def test_who_pays_and_what_a_plant_meets(results):
    """Treasury and buyers as the ledger of the static market books them; the index of a plant by hand, from prices of the path."""
    static = fm.solve(year_market(results, SUBSIDY, YEARS[0]), scenarios(results.market, results.case, results.bloc)[SUBSIDY],
                      bloc=results.bloc)
    spent = [sum(x.lines[a][:, :, [r in results.bloc for r in results.market.regions]].sum((1, 2)) for a, o in OWNER.items()
                 if o == "treasury") for x in (ledger(static.solved), ledger(static.base))]
    paid = bill(results, SUBSIDY)
    assert np.allclose(paid.treasury[:, 0], spent[0] - spent[1]) and np.all(paid.treasury[:, 0] < 0)
    bought, after, before = (getattr(s.state, v) for s, v in ((static.solved, "final_demand"), (static.solved, "buyer_price"),
                                                              (static.base, "buyer_price")))
    inside = [r in results.bloc for r in results.market.regions]
    assert np.allclose(paid.buyers[:, 0], (bought * (after - before))[:, :, inside].sum((1, 2)), rtol=1e-6)
    assert paid.per_tonne(np.ones((3, len(YEARS)))) == len(YEARS) / paid.tonnes.mean()
    plan = next(p for p in results.plans if (p.project.name, p.region) == ("ndpr_refinery", "USA"))
    found, none = ex_post(results, SUBSIDY, plan), ex_post(results, ending(SUBSIDY), plan, YEARS[0] + 10)
    data = results.paths[SUBSIDY].dataset.sel(scenario="policy", region="USA")
    years = np.minimum(YEARS[0] + plan.project.build_years + np.arange(plan.project.life), YEARS[-1])
    net = data["net_price"].sel(good="ndpr_oxide", period=years).values.T
    recipe = results.market.dataset["recipe"].sel(good="ndpr_oxide", input="mined").values.reshape(-1, 1)
    index = profitability(plan, net, recipe * data["buyer_price"].sel(good="mined", period=years).values.T, np.zeros(3))
    runs = data["running"].sel(plan="ndpr_refinery:USA").values[LAST] > 0
    assert runs.any() and np.allclose(found[runs], index[runs]) and np.isnan(found[~runs]).all()
    both = np.isfinite(none) & np.isfinite(found)
    assert np.all(none[both] < found[both])


def test_price_of_ore_and_the_best_plant(results):
    """One country: its price over that without policy; the best plant is the one whose share of draws is largest."""
    price = [results.series("price", s, "mined", ["MMR"])[:, LAST] for s in (FLOOR, NONE)]
    assert np.allclose(ore_price(results, FLOOR, ["MMR"]), price[0] / price[1] - 1)
    some = ore_price(results, FLOOR, ["MMR", "IND"])
    each = np.stack([ore_price(results, FLOOR, [x]) for x in ("MMR", "IND")])
    assert np.all((some >= each.min(0)) & (some <= each.max(0)))
    plant, share = best_plant(results, SUBSIDY)
    assert share == max(np.mean(results.pays(SUBSIDY, p)) for p in Reading(results).bloc_plans) == np.mean(results.pays(SUBSIDY, plant))
    assert {("ndpr_oxide", r) for r in results.outside("ndpr_oxide")} >= {("ndpr_oxide", "AUS"), ("ndpr_oxide", "MYS")}


def test_levels_at_which_an_answer_turns():
    assert crossing([1, 2, 4], [-1.0, 1.0, 5.0]) == 1.5 and crossing([1, 2, 4], [-1.0, 1.0, 5.0], 3.0) == 3.0
    assert crossing([1, 2], [0.5, 1.0]) == 1 and crossing([1, 2], [-2.0, -1.0]) is None
    table = pd.DataFrame({"instrument": [FLOOR] * 2 + [SUBSIDY] * 2, "level": [50e3, 100e3] * 2, "index": [-1.0, 1.0, -2.0, -1.0],
                          "solved": True})
    assert from_level(table, "index") == "floor from 75.0, gap subsidy at none up to 100 USD/kg"
    assert np.isclose(credibility_results.hazard_at([10.0, 8.0, 2.0], 5.0, (0.0, 0.1, 0.2)), 0.15)
    assert credibility_results.hazard_at([10.0, 8.0], 5.0, (0.0, 0.1)) is None


def test_who_may_keep_its_ore_and_how_much():
    """DR Congo exports most cobalt but refines none; with the share kept and output as it was, exports are cut by as much as said."""
    for name, who in (("cobalt", "IDN"), ("rare_earths", "AUS"), ("gallium", None)):
        market, case, bloc = ten_years_results.prepare(name, 1, 7)
        assert exporter(market, case.supplier, bloc) == who
    market = fm.load_market("cobalt", horizon="short")
    flow = market.dataset["flow0"].sel(good="mined", origin="IDN")
    sold, made = float(flow.sum() - flow.sel(destination="IDN")), float(market.dataset["output0"].sel(good="mined", region="IDN"))
    assert np.isclose((1 - share_kept(market, "mined", "IDN", CUT)) * made, (1 - CUT) * sold)


def test_pages_say_what_the_runs_beside_them_hold(monkeypatch):
    """A rule binds only when it is in force; the page has the numbers of its runs, and flags a path that has not settled."""
    monkeypatch.setattr(ten_years_variants, "CUTS", (CUT,))
    monkeypatch.setattr(ten_years_variants, "RATES", (0.1,))
    market, case, bloc = ten_years_results.prepare("cobalt", 1, 7)
    run = ten_years_results.compute("cobalt", 1, 7, iter)
    rule = ten_years_variants.rule_of("cobalt", 1, 7, iter)
    before = ten_years_variants.RULE_START - YEARS[0]
    made = {s: rule.paths.series("output", s, "mined", ["IDN"])[0] for s in (FLOOR, REQUIREMENT, TAX)}
    for s in (REQUIREMENT, TAX):
        assert np.allclose(made[s][:2], made[FLOOR][:2], rtol=1e-3) and np.all(made[s][before:] < made[FLOOR][before:]), s
    levied = fm.Dated(fm.ExportTax(good="mined", exporters=["IDN"], rate=0.1), start=ten_years_variants.RULE_START)
    alone = fm.simulate(market, [*scenarios(market, case, bloc)[FLOOR], levied], YEARS, plans=run.plans, growth=projections_of(market),
                        growth_scenario=GROWTH)
    tax = rule.scan[rule.scan["kind"] == TAX].iloc[0]
    before_tax = run.series("treasury", FLOOR, regions=["IDN"])[0, LAST]
    money = float(alone.dataset["treasury"].sel(scenario="policy", region="IDN")[LAST, 0]) - before_tax
    assert np.isclose(tax["treasury"], money, rtol=1e-6) and money > 0
    table = pd.DataFrame({"instrument": [FLOOR, FLOOR, SUBSIDY, SUBSIDY], "level": [case.headline, 2 * case.headline] * 2, "plant": "",
                          "pays": [0.0, 1.0, 1.0, 1.0], "built": 0.0, "hhi": [0.0, -0.02, 0.0, -0.1], "ore": -0.1, "processing": -1e6,
                          "solved": True})
    blind = run.paths[FLOOR].dataset.assign(settled=("draw", np.array([False])))
    unsettled = replace(run, paths=run.paths | {FLOOR: replace(run.paths[FLOOR], dataset=blind)}, flagged=True)
    found = Found(run, owners(run), buying(run, YEARS[0], 0, 0), buying(run, AFTER, 0), rule, None, run, unsettled, table)
    pages = Pages(found)
    assert "a path that has not settled" in pages.variants() and np.isfinite(unsettled.series("started", FLOOR)).all()
    assert Answers(replace(found, consistent=run)).variants().count("settled") == 0
    says = pages.flips("pays", 0.5, 1.0, {FLOOR: False, SUBSIDY: False})
    assert says.startswith(f"floor from {1.5 * case.headline / 1000:.1f} USD/kg (left out, as fewer draws say something else: gap subsidy")
    for s in (FLOOR, SUBSIDY):
        change = run.hhi(s, "refined")[0, LAST] - run.hhi(NONE, "refined")[0, LAST]
        word = "yes, much" if change < -0.05 else "some" if change < -0.01 else "little" if change < 0.01 else "no, concentration rises"
        assert f"{s.lower()} {word} (" in pages.diversifies()
    assert "Indonesia, beside the floor" in pages.rule() and "flip" in pages.raw() and "flip" in pages.industrialises()
    assert len(render(pages.brief())) > 1e5


@pytest.mark.slow
def test_a_higher_level_buys_back_what_doubt_takes(monkeypatch):
    """What is built at the level found is what the sure policy builds: a path at that very level."""
    monkeypatch.setattr(credibility_results, "HAZARDS", (0.0, 0.1))
    monkeypatch.setattr(credibility_results, "RAISED", (1.3, 1.6, 2.0))
    found = credibility_results.needed("rare_earths", 1, 7, iter)
    row = found[found["instrument"] == SUBSIDY].iloc[0]
    market, case, bloc = ten_years_results.prepare("rare_earths", 1, 7)
    assert row["reached"] and row["level"] > case.headline
    tried = {name: credibility_results.doubted(credibility_results.at_level(market, case, bloc, SUBSIDY, level), hazard)
             for name, level, hazard in (("sure", case.headline, 0.0), ("restored", row["level"] * 1.02, 0.1),
                                         ("doubted", case.headline, 0.1))}
    read = Reading(ten_years_results.follow(market, case, bloc, tried, iter))
    assert read.built("doubted")[0] < 0.99 * read.built("sure")[0] and read.built("restored")[0] > 0.97 * read.built("sure")[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ten_years", "credibility"])
def test_the_command_writes_a_whole_folder(name, tmp_path):
    done = CliRunner().invoke(main, [name, "--draws", "2", "--market", "gallium", "-o", str(tmp_path / name)])
    assert done.exit_code == 0, done.output
    record = json.loads((tmp_path / name / "run.json").read_text("utf-8"))
    table = pd.read_csv(tmp_path / name / "series.csv")
    assert record["share_converged"] == 1.0 and record["draws"] == 2
    assert all(path["largest_identity"] < 1e-9 for path in record["paths"].values())
    assert set(record["variants"]) == ({"central", "consistent"} if name == "ten_years" else {"adaptive", "consistent"})
    assert {"price", "output", "running"} <= set(table["variable"]) and (tmp_path / name / "brief.html").is_file()
