"""Strategy on markets: optimal export taxes, levy games and coalitions worked out by hand, menus with ties, clubs."""

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import floormodel as fm
from floormodel.strategy import payoffs as payoffs_module

CASE = tomllib.loads((Path(__file__).parent / "cases" / "textbook.toml").read_text("utf-8"))["dominant_exporter"]
DEMAND = {"importer": (100.0, -2.0)}


def exporters(**parts):
    """The case's supply, -50 + 10 p, split over exporters by their parts; each gets its part of both coefficients."""
    return fm.linear_market({name: (-50.0 * x, 10.0 * x) for name, x in parts.items()}, DEMAND)


def tax(*who, levy):
    return [fm.ExportTax(good="good", exporters=[name], destinations=["importer"], levy=levy) for name in who]


SOLE = exporters(sole=1.0)
PAIR = exporters(one=0.5, two=0.5)


@pytest.fixture(scope="module")
def rare_earths():
    return fm.sample(fm.load_market("rare_earths"), 4, seed=3)


# one exporter: the optimal export tax of the textbook


@pytest.mark.parametrize("by, highest, level", [
    ("levy", 40.0, CASE["tax"]), ("rate", 4.0, CASE["tax"] / CASE["price_exporter"]),
    ("cut", 0.9, 1 - CASE["quantity"] / CASE["free_trade"]["quantity"])])
def test_a_sole_exporter_finds_the_optimal_tax_by_levy_rate_or_quota(by, highest, level):
    found = fm.coalition(SOLE, "good", ["sole"], highest, by=by, refine=1e-6).found
    assert found.place == "interior" and found.missing == 0
    assert found.level == pytest.approx(level, rel=1e-5)  # flat at its top
    gain = CASE["quantity"] * (CASE["price_importer"] - 5 - 0.05 * CASE["quantity"]) - 10 * 7.5**2 / 2
    assert found.payoffs[0, 0] == pytest.approx(gain, rel=1e-9)
    assert found.level_by_draw[0] == pytest.approx(level, rel=0.1)


def test_the_grid_finds_the_optimum_of_a_parabola_without_refining():
    """Welfare is quadratic in the levy where all curves are straight, so that the vertex of any three points is the optimum."""
    found = fm.coalition(SOLE, "good", ["sole"], 36.0, grid=7).found
    assert found.level_by_draw[0] == pytest.approx(CASE["tax"], rel=1e-7)


def test_the_edges_of_the_grid_are_named():
    low = fm.coalition(SOLE, "good", ["sole"], 10.0).found
    assert low.place == "upper edge" and low.level == 10.0
    consumers = fm.coalition(SOLE, "good", ["importer"], 10.0, payoff=fm.Payoff(("producers",))).found
    assert consumers.place == "lower edge" and consumers.level == 0.0  # it exports nothing: no level changes anything


def test_export_revenue_is_largest_where_import_demand_has_elasticity_one():
    """100 - 2 P has elasticity one at P = 25, where 50 are sold; the exporter's price is then 5 + 0.1 x 50 = 10."""
    found = fm.coalition(SOLE, "good", ["sole"], 40.0, payoff="export_revenue", refine=1e-6).found
    assert found.level == pytest.approx(15.0, rel=1e-5)
    assert found.payoffs[0, 0] == pytest.approx(25 * 50 - 12.5 * 75, rel=1e-8)


# two exporters alike: together they are the monopoly, apart they play a levy game


def area(price):
    """Producer surplus of one of the pair, above -25 + 5 p."""
    return 2.5 * (price - 5) ** 2


def test_two_alike_together_are_the_monopoly_and_share_it():
    found = fm.coalition(PAIR, "good", ["one", "two"], 40.0, refine=1e-6)
    assert found.found.level == pytest.approx(CASE["tax"], rel=1e-5)
    sole = fm.coalition(SOLE, "good", ["sole"], 40.0).joint_gain
    assert found.gain("one") == pytest.approx(sole / 2, rel=1e-6) and found.gain("two") == pytest.approx(sole / 2, rel=1e-6)


def test_who_leaves_a_pair_rides_free_on_the_levy_of_the_other():
    """Alone, one faces 125 - 7 P: marginal revenue (125 - 2 Q)/7 = 5 + Q/5 gives Q = 450/17, P = (125 - Q)/7; the levy is P - 5 - Q/5."""
    quantity = 450 / 17
    price = (125 - quantity) / 7
    found = fm.coalition(PAIR, "good", ["one", "two"], 40.0, refine=1e-6)
    left = found.leaving["two"]
    assert left.level == pytest.approx(price - 5 - quantity / 5, rel=1e-4)
    assert left.payoffs[0, 1] == pytest.approx(area(price) - area(12.5), rel=1e-6)
    assert found.is_stable and found.gain_of_staying("two")[0] == pytest.approx(found.gain("two")[0] - left.payoffs[0, 1])


def test_who_leaves_while_the_other_keeps_the_levy_takes_the_whole_market():
    """At the joint levy the other sells nothing: 100 - 2 P = 5 P - 25, P = 125/7."""
    found = fm.coalition(PAIR, "good", ["one", "two"], 40.0, rest="keep")
    left = found.leaving["two"]
    assert left.level == found.found.level and left.place == "kept"
    assert left.payoffs[0, 1] == pytest.approx(area(125 / 7) - area(12.5), rel=1e-6)
    assert left.payoffs[0, 0] == pytest.approx(-area(12.5), rel=1e-6)


SMALL = exporters(large=0.9, small=0.1)


def test_a_small_member_gains_more_outside_than_inside():
    """Inside: a tenth of the joint gain. Outside: the rest face 105 - 3 P, (105 - 2 Q)/3 = 5 + Q/9, Q = 270/7; small sells P - 5."""
    found = fm.coalition(SMALL, "good", ["large", "small"], 40.0, refine=1e-5)
    price = (105 - 270 / 7) / 3
    joint = found.joint_gain[0]
    assert found.gain("small")[0] == pytest.approx(joint / 10, rel=1e-5)
    assert found.leaving["small"].payoffs[0, 1] == pytest.approx(((price - 5) ** 2 - 7.5**2) / 2, rel=1e-5)
    assert found.gain_of_staying("small")[0] < 0 < found.gain_of_staying("large")[0] and not found.is_stable


def test_a_trust_that_pays_the_small_member_enough_holds():
    """It must have more than what it has outside; the large one then still gains, since the joint gain is larger than both outside."""
    plain = fm.coalition(SMALL, "good", ["large", "small"], 40.0)
    share = plain.leaving["small"].payoffs[0, 1] / plain.joint_gain[0] + 0.01
    trust = fm.coalition(SMALL, "good", ["large", "small"], 40.0, weights={"large": 1 - share, "small": share})
    assert trust.gain("small") + trust.gain("large") == pytest.approx(plain.joint_gain)
    assert trust.gain_of_staying("small")[0] == pytest.approx(0.01 * plain.joint_gain[0], rel=1e-6)
    assert trust.is_stable


def test_a_member_without_discipline_applies_its_part_of_the_level():
    levied = fm.coalition(PAIR, "good", ["one", "two"], 6.0, grid=3, discipline={"two": 0.5}).found
    by_hand = fm.solve(PAIR, [*tax("one", levy=levied.level), *tax("two", levy=levied.level / 2)])
    lines = by_hand.accounts().groupby("region")["value"].sum()
    assert levied.payoffs[0] == pytest.approx(lines.reindex(PAIR.regions).to_numpy(), rel=1e-9)


NASH = 225 / 47  # t with 2 t = 90 - 2.4 Q, Q = (90 + 5 t)/3.4: each levy the best against the other
COOPERATE, DEFECT = {"one": CASE["tax"], "two": CASE["tax"]}, {"one": NASH, "two": NASH}


def players(**levels):
    return [fm.Player(name, (name,), {f"{x:.4g}": tax(name, levy=x) if x else [] for x in xs}) for name, xs in levels.items()]


def test_the_levy_game_of_two_alike_is_a_prisoners_dilemma():
    rounds = fm.retaliation_rounds(PAIR, players(one=(CASE["tax"], NASH), two=(CASE["tax"], NASH)))
    assert rounds.expected.ending == "settled" and rounds.expected.last == (1, 1)
    assert np.argwhere(rounds.equilibria).tolist() == [[1, 1]]
    assert (rounds.payoffs[0, 0] > rounds.payoffs[1, 1]).all()
    assert rounds.history()["one"].tolist() == ["20.45", "4.787", "4.787"]
    assert rounds.endings()["share"].tolist() == [1.0]


def test_the_best_reply_to_the_equilibrium_levy_is_the_same_levy():
    menu = {f"{x:g}": tax("one", levy=x) if x else [] for x in (0.0, 0.9 * NASH, 0.99 * NASH, NASH, 1.01 * NASH, 1.1 * NASH)}
    found = fm.best_reply(PAIR, tax("two", levy=NASH), "one", menu)
    assert found.best == f"{NASH:g}" and found.is_unique and found.unique_share == 1.0 and found.missing == 0
    quantity = (90 + 5 * NASH) / 3.4
    price = 5 + quantity / 5
    assert found.expected[3] == pytest.approx(area(price) + NASH * quantity - area(12.5), rel=1e-9)


# menus


def test_a_tax_and_the_quota_that_does_the_same_tie():
    menu = {"nothing": [], "tax": tax("sole", levy=CASE["tax"]),
            "quota": [fm.ExportQuota(good="good", exporter="sole", quota=CASE["quantity"])]}
    found = fm.best_reply(SOLE, [], "sole", menu)
    assert found.best in ("tax", "quota") and not found.is_unique and found.unique_share == 0.0
    producers = fm.best_reply(SOLE, [], "sole", menu, payoff="producers")
    assert producers.best == "nothing" and producers.is_unique  # producers lose by either: it is the treasury or rent holders who gain


def test_a_dominated_measure_is_never_chosen():
    """Welfare is a parabola in the tax while anything is sold, so that none and twice the best tie; a ban loses the surplus."""
    best = CASE["tax"]
    menu = {"nothing": [], "best": tax("sole", levy=best), "twice": tax("sole", levy=2 * best),
            "ban": [fm.ExportQuota(good="good", exporter="sole", quota=0.0)]}
    found = fm.best_reply(SOLE, [], "sole", menu)
    assert found.best == "best" and found.is_unique and found.shares() == {"nothing": 0.0, "best": 1.0, "twice": 0.0, "ban": 0.0}
    assert found.own[[0, 2, 3], 0] == pytest.approx([0.0, 0.0, -10 * 7.5**2 / 2], abs=1e-6)
    assert not found.among(["nothing", "twice"]).is_unique and found.among(["ban", "twice"]).best == "twice"
    assert found.gain("best", "ban")[0] == pytest.approx(found.expected[1] - found.expected[3])
    with pytest.raises(fm.ScenarioError, match=r"found .*thrice"):
        found.among(["thrice"])


def test_measures_that_do_nothing_tie(rare_earths):
    menu = {f"levy {x:g}": [fm.ExportTax(good="mined", exporters=["CHN"], levy=x)] for x in (0.0, 1000.0)}
    found = fm.best_reply(rare_earths, [], "CHN", menu)  # China exports no ore
    assert found.unique_share == 0.0 and found.shares() == {"levy 0": 1.0, "levy 1000": 0.0} and not found.is_unique


def test_an_unsolved_draw_is_counted_and_never_dropped_in_silence(rare_earths, monkeypatch):
    true = payoffs_module.find_quietly

    def failing(market, policies=(), start=None):
        solved = true(market, policies, start)
        if not policies:
            return solved
        ok = np.array([True, False, True, True])
        return replace(solved, solution=replace(solved.solution, converged=solved.solution.converged & ok))

    monkeypatch.setattr(payoffs_module, "find_quietly", failing)
    menu = {"nothing": [], "tax": [fm.ExportTax(good="ndpr_oxide", exporters=["CHN"], rate=0.1)]}
    found = fm.best_reply(rare_earths, [], "CHN", menu)
    assert found.missing == 1 and np.isnan(found.own[1, 1]) and found.choice.best[1] == -1
    assert found.to_dataframe()["missing"].max() == 1 and np.isfinite(found.expected).all()
    search = fm.coalition(rare_earths, "ndpr_oxide", ["CHN"], 9000.0, grid=3, refine=0.5).found
    assert search.missing == 1 and np.isnan(search.level_by_draw[1]) and np.isfinite(search.level)


# payoffs are the accounts


def test_payoffs_add_up_to_the_accounts(rare_earths):
    policies = [fm.PriceFloor(good="ndpr_oxide", members=["USA", "EU27", "JPN", "KOR"], price=110_000.0)]
    lines = fm.solve(rare_earths, policies).accounts()
    for payoff, chosen in (("welfare", lines), ("producers", lines[lines["owner"] == "producers"]),
                           (fm.Payoff(("floor_levy",)), lines[lines["account"] == "floor_levy"]),
                           (fm.Payoff(goods=("magnet",)), lines[lines["good"] == "magnet"])):
        found = fm.best_reply(rare_earths, policies, "JPN", {"nothing": []}, payoff)
        by_hand = chosen.groupby(["region", "draw"])["value"].sum().unstack("draw").reindex(rare_earths.regions).fillna(0.0)
        assert found.payoffs[0].T == pytest.approx(by_hand.to_numpy(), rel=1e-9, abs=1.0)
    public = fm.best_reply(rare_earths, policies, "JPN", {"nothing": []}, "treasury").own
    dear = fm.best_reply(rare_earths, policies, "JPN", {"nothing": []}, fm.Payoff(mcpf=1.3)).own
    assert dear == pytest.approx(fm.best_reply(rare_earths, policies, "JPN", {"nothing": []}).own + 0.3 * public)


@pytest.mark.parametrize("payoff", ["welfare", "export_revenue", "treasury"])
@pytest.mark.parametrize("good, members", [("ndpr_oxide", ["CHN"]), ("ndpr_oxide", ["MYS", "IND"]), ("mined", ["USA", "AUS", "MMR"])])
def test_no_coalition_does_worse_than_without_a_levy(rare_earths, good, members, payoff):
    found = fm.coalition(rare_earths, good, members, 15_000.0, payoff=payoff, grid=4, refine=0.3)
    assert found.joint_gain.mean() >= -found.tolerance.mean()
    assert found.joint_gain.mean() >= (found.found.joint - found.found.joint[0]).mean(1).max() - found.tolerance.mean()


# clubs


def test_a_club_solves_every_composition(rare_earths):
    def make(members):
        return [fm.PriceFloor(good="ndpr_oxide", members=list(members), price=90_000.0)]

    found = fm.club(rare_earths, make, ["USA", "KOR"], core=["JPN"])
    assert [found.members(k) for k in range(4)] == [("JPN",), ("JPN", "USA"), ("JPN", "KOR"), ("JPN", "USA", "KOR")]
    alone = fm.solve(rare_earths, make(["JPN"])).accounts().groupby(["region", "draw"])["value"].sum()
    assert found.payoffs[0, :, rare_earths.regions.index("JPN")] == pytest.approx(alone["JPN"].to_numpy())
    gain = found.gain_of_joining("USA", 2)
    usa = rare_earths.regions.index("USA")
    assert gain == pytest.approx(found.payoffs[3, :, usa] - found.payoffs[2, :, usa])
    assert found.gain_of_joining("USA", 3) == pytest.approx(gain)
    table = found.to_dataframe()
    for k in range(4):  # nobody gains by a change of one
        moves = [found.gain_of_joining(c, k).mean() * (1 if k >> i & 1 == 0 else -1) for i, c in enumerate(found.candidates)]
        assert table["stable"][k] == (max(moves) <= 1.0)
    assert found.missing == 0 and len(found.payoff_table()) == 4 * len(rare_earths.regions)


def test_a_customs_union_of_two_importers_by_hand():
    """Two importers, demand 50 - P each, one exporter, -50 + 10 p. Behind a tariff t of k members 100 - 2 p - k t = 10 p - 50."""
    market = fm.linear_market({"seller": (-50.0, 10.0)}, {"a": (50.0, -1.0), "b": (50.0, -1.0)})
    levy = 6.0
    found = fm.club(market, lambda members: [fm.ImportTariff(good="good", importers=list(members), levy=levy)], ["a", "b"])

    def payoff(inside, k):
        price = (150 - k * levy) / 12
        paid = price + levy * inside
        return (50 - paid) ** 2 / 2 + levy * inside * (50 - paid)

    without = payoff(0, 0)
    for number, (a, b) in enumerate([(0, 0), (1, 0), (0, 1), (1, 1)]):
        expected = [payoff(a, a + b) - without, payoff(b, a + b) - without]
        assert found.payoffs[number, 0, 1:] == pytest.approx(expected, rel=1e-8, abs=1e-6)
    join = [payoff(1, 1) - payoff(0, 0), payoff(1, 2) - payoff(0, 1)]
    assert found.gain_of_joining("a", 0)[0] == pytest.approx(join[0]) and found.gain_of_joining("a", 2)[0] == pytest.approx(join[1])
    assert found.expected.stable.tolist() == [join[0] <= 0, False, False, join[1] >= 0]
    assert found.brings("b", 1, ["a"])[0] == pytest.approx(payoff(1, 2) - payoff(1, 1))


# refusals


@pytest.mark.parametrize("call, words", [
    (lambda: fm.best_reply(SOLE, [], "sole", {}), "menu: found nothing"),
    (lambda: fm.best_reply(SOLE, [], "soul", {"nothing": []}), "did you mean 'sole'"),
    (lambda: fm.best_reply(SOLE, [], "sole", {"nothing": []}, "wellfare"), "did you mean 'welfare'"),
    (lambda: fm.best_reply(SOLE, [], "sole", {"nothing": []}, fm.Payoff(("tresury",), mcpf=-1)), "2 fault"),
    (lambda: fm.best_reply(SOLE, [], "sole", {"nothing": []}, fm.Payoff(export_revenue=True, mcpf=2)), "one of the two"),
    (lambda: fm.coalition(PAIR, "good", ["one", "one"], 10.0), "each region once"),
    (lambda: fm.coalition(PAIR, "goods", ["one"], -1.0, by="tax"), "3 fault"),
    (lambda: fm.coalition(PAIR, "good", ["one"], 1.5, by="cut"), "up to 1"),
    (lambda: fm.coalition(PAIR, "good", ["one"], 5.0, discipline={"two": 0.5}), "two is no member"),
    (lambda: fm.coalition(PAIR, "good", ["one", "two"], 5.0, weights={"one": 0.7, "two": 0.7}), "adding to one"),
    (lambda: fm.club(PAIR, lambda m: [], ["one"], core=["one"]), "not in core"),
    (lambda: fm.club(fm.load_market("cobalt"), lambda m: [], ["USA", "EU27", "JPN", "KOR", "CAN", "AUS", "IDN"]), "at most 6"),
    (lambda: fm.retaliation_rounds(PAIR, players(one=(0.0,))), "at least two"),
    (lambda: fm.retaliation_rounds(PAIR, players(one=(0.0,), two=(0.0,)), {"one": "1"}, first="three"), "2 fault"),
    (lambda: fm.retaliation_rounds(PAIR, players(one=np.arange(50.0), two=np.arange(50.0))), "2500 combinations"),
])
def test_refusals_name_what_is_wrong(call, words):
    with pytest.raises(fm.ScenarioError, match=words.replace("(", r"\(")):
        call()
