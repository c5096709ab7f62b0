"""Published worked examples: GSIM as the first-order response of a market, effective protection in a market."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import root

import floormodel as fm
from floormodel.equilibrium.wedges import top_up

FOLDER = Path(__file__).parent / "cases"
GSIM = tomllib.loads((FOLDER / "gsim.toml").read_text("utf-8"))
FORMULAS = tomllib.loads((FOLDER / "formulas.toml").read_text("utf-8"))
INPUT_FLOOR = FORMULAS["input_floor"]


def gsim_market(sourcing="ces"):
    trade = np.array(GSIM["trade"])
    figures = {
        "price0": 1.0, "flow0": trade[None], "output0": trade.sum(1)[None], "final_demand0": trade.sum(0)[None],
        "import_rate0": np.array(GSIM["tariff_power"])[None] - 1, "freight": 0.0,
        "demand_elasticity": GSIM["demand_elasticity"], "supply_elasticity": GSIM["supply_elasticity"],
        "sourcing_elasticity": GSIM["substitution"],
    }
    return fm.market_from_arrays("gsim", ["good"], GSIM["regions"], figures, sourcing=sourcing)


FREED = [fm.ImportTariff(good="good", importers=[importer], origins=[exporter], rate=0.0, replaces_existing=True)
         for exporter, importer in GSIM["freed"]]


def test_first_order_response_meets_the_published_prices():
    response = fm.linear_response(gsim_market(), FREED)
    assert response["price_change"].values[0] == pytest.approx(GSIM["published_price_change"], abs=5e-5)
    expected = GSIM["by_formula"]
    assert response["price_change"].values[0] == pytest.approx(expected["price_change"], abs=1e-6)
    assert response["output_change"].values[0] == pytest.approx(expected["output_change"], abs=1e-6)


def gsim_results(price_change):
    """What GSIM makes of its world price changes p (R,): its own formulas for trade, surplus and revenue."""
    trade, before = np.array(GSIM["trade"]), np.array(GSIM["tariff_power"])
    after = before.copy()
    for exporter, importer in GSIM["freed"]:
        after[GSIM["regions"].index(exporter), GSIM["regions"].index(importer)] = 1.0
    paid = trade * before
    theta = paid / paid.sum(0)
    moved = price_change[:, None] + after / before - 1
    cross = theta * (GSIM["substitution"] - GSIM["demand_elasticity"])
    own = -theta * GSIM["demand_elasticity"] - (1 - theta) * GSIM["substitution"]
    change = own * moved + (cross * moved).sum(0) - cross * moved
    composite = (theta * ((1 + price_change[:, None]) * after / before - 1)).sum(0)
    traded = trade * (1 + change) * (1 + price_change[:, None])
    makers = trade.sum(1) * price_change * (1 + 0.5 * GSIM["supply_elasticity"] * price_change)
    users = paid.sum(0) * (-0.5 * composite**2 * np.sign(composite) * GSIM["demand_elasticity"] - composite)
    revenue = (traded * (after - 1) - trade * (before - 1)).sum(0)
    return {"trade_change": change, "composite_price_change": composite, "producer_surplus": makers,
            "consumer_surplus": users, "tariff_revenue_change": revenue, "net_welfare": makers + users + revenue}


def test_everything_gsim_derives_from_the_response():
    response = fm.linear_response(gsim_market(), FREED)
    for name, values in gsim_results(response["price_change"].values[0]).items():
        scale = 1000.0 if values.ndim == 1 and name != "composite_price_change" else 1.0  # money: on trade of about 1000
        assert values == pytest.approx(np.array(GSIM["by_formula"][name]), abs=1e-6 * scale), name


def test_buyers_feel_the_average_of_gate_prices_and_duties_to_first_order():
    response = fm.linear_response(gsim_market(), FREED)
    paid = np.array(GSIM["trade"]) * np.array(GSIM["tariff_power"])
    moved = response["price_change"].values[0][:, None] + np.nan_to_num(response["landed_change"].values[0])
    average = (paid / paid.sum(0) * moved).sum(0)
    assert response["buyer_price_change"].values[0] == pytest.approx(average, rel=1e-12)


def armington_prices():
    """World price changes of the non-linear market, from its equations in levels and a solver of its own."""
    trade, before = np.array(GSIM["trade"]), np.array(GSIM["tariff_power"])
    after = np.ones((4, 4)) * before
    for exporter, importer in GSIM["freed"]:
        after[GSIM["regions"].index(exporter), GSIM["regions"].index(importer)] = 1.0
    sigma, theta = GSIM["substitution"], trade * before / (trade * before).sum(0)

    def excess(price):
        relative = price[:, None] * after / before
        index = (theta * relative ** (1 - sigma)).sum(0) ** (1 / (1 - sigma))
        sold = trade * index ** (sigma - GSIM["demand_elasticity"]) * relative**-sigma
        return trade.sum(1) * price ** GSIM["supply_elasticity"] - sold.sum(1)

    return root(excess, np.ones(4), tol=1e-13).x - 1


def test_the_tariffs_are_too_large_for_a_tangent():
    """The exact equilibrium lies well off the published linear one; small tariff changes bring the two together."""
    run = fm.solve(gsim_market(), FREED)
    exact = run.dataset["price"].values[0] - 1
    assert max(run.identities().values()) < 1e-8
    assert exact == pytest.approx(armington_prices(), abs=1e-9)
    assert exact[0] - GSIM["published_price_change"][0] == pytest.approx(0.126 - 0.079, abs=1e-3)
    gaps = []
    for size in (1e-2, 1e-3):
        small = [fm.ImportTariff(good="good", importers=[i], origins=[e], rate=-size) for e, i in GSIM["freed"]]
        exact = fm.solve(gsim_market(), small).dataset["price"].values[0] - 1
        gaps.append(np.abs(exact - fm.linear_response(gsim_market(), small)["price_change"].values[0]).max())
    assert gaps[1] < 1e-6
    assert gaps[0] / gaps[1] == pytest.approx(100, rel=0.1)  # what a tangent leaves is of second order


def test_response_of_a_logit_market_is_its_tangent():
    market = gsim_market("logit")
    small = [fm.ImportTariff(good="good", importers=["US"], rate=1e-5)]
    exact = fm.solve(market, small).dataset
    response = fm.linear_response(market, small)
    assert response["price_change"].values == pytest.approx(exact["price"].values - 1, abs=1e-9)
    made = np.array(GSIM["trade"]).sum(1)
    assert response["output_change"].values[0] == pytest.approx(exact["output"].values[0] / made - 1, abs=1e-9)


@pytest.mark.parametrize("policy", [
    fm.PriceFloor(good="good", members=["US"], price=2.0), fm.ExportQuota(good="good", exporter="US", quota=10),
    fm.ExportQuota(good="good", exporter="US", quota=0),
    fm.PriceGapSubsidy(good="good", regions=["US"], strike=1.1)], ids=["floor", "quota", "ban", "subsidy"])
def test_an_instrument_with_a_kink_has_no_tangent(policy):
    with pytest.raises(fm.ScenarioError, match="more than charge at a border"):
        fm.linear_response(gsim_market(), [policy])


def test_a_homogeneous_market_has_no_tangent():
    with pytest.raises(fm.ScenarioError, match="homogeneous"):
        fm.linear_response(gsim_market("homogeneous"), FREED)


# a flexible levy, rounded


def test_rounded_levy_is_off_by_half_its_width_at_a_kink_and_less_elsewhere():
    """CAPRI rounds with z log(1 + exp(x / z)), off by z log 2 at a kink; our (x + sqrt(x^2 + w^2)) / 2 is off by w / 2."""
    case, z = FORMULAS["capri_flexible_levy"], 0.1
    cif, exact, width = np.array(case["cif"]), np.array(case["levy"]), 2 * z * np.log(2)
    rounded, _ = top_up(case["minimum_border_price"], cif, case["bound_tariff"], width)
    kinks = [list(cif).index(case["minimum_border_price"]),
             list(cif).index(case["minimum_border_price"] - case["bound_tariff"])]
    assert rounded[kinks[0]] == pytest.approx(0.069315, abs=5e-4)  # as the source prints for z = 0.1; the other kink pulls
    assert rounded[kinks[1]] == pytest.approx(24.930685, abs=5e-4)
    assert np.abs(rounded - exact).max() <= width / 2
    assert np.delete(np.abs(rounded - exact), kinks).max() < 0.1 * width / 2
    finer, _ = top_up(case["minimum_border_price"], cif, case["bound_tariff"], 1e-6 * width)
    assert finer == pytest.approx(exact, abs=1e-6)


# effective protection of a small processor: input 30 % of the value of its output, prices given by a large neighbour

INPUT_PRICE, PRODUCT_PRICE, TONNES = 60.0, 400.0, 2.0
LARGE, ELASTIC = 1e6, 1e4


def processing_market(freight=0.0):
    """Home makes 1 t of product from 2 t of input, both traded with a neighbour whose supply is all but horizontal."""
    output, use = [[0.5, 2 * LARGE + 11.5], [1.0, LARGE + 5]], [[0.0, 0.0], [5.0, LARGE + 1]]
    shipped = [[[0.5, 0.0], [1.5, 2 * LARGE + 10]], [[1.0, 0.0], [4.0, LARGE + 1]]]
    cost = np.zeros((2, 2, 2))
    cost[0, 1, 0] = freight
    figures = {
        "price0": [[INPUT_PRICE + freight, INPUT_PRICE], [PRODUCT_PRICE] * 2], "output0": output, "final_demand0": use,
        "flow0": shipped, "recipe": [[0.0, 0.0], [TONNES, 0.0]], "freight": cost, "demand_elasticity": 0.5,
        "supply_elasticity": [[0.5, ELASTIC], [0.5, ELASTIC]],
    }
    return fm.market_from_arrays("processing", ["input", "product"], ["home", "abroad"], figures, sourcing="homogeneous")


def margin_at_home(market, policies):
    run = fm.solve(market, policies)
    assert run.converged.all()
    assert max(run.identities().values()) < 1e-8
    return run.dataset["margin"].sel(good="product", region="home").item(), run


def duty(good, rate):
    return fm.ImportTariff(good=good, importers=["home"], rate=rate)


@pytest.mark.parametrize("on_output, expected", [("output_rate", "rate"), (None, "rate_without_output_tariff"),
                                                 ("neutral_output_rate", None)])
def test_effective_protection_is_the_change_of_the_processors_margin(on_output, expected):
    case = INPUT_FLOOR
    assert INPUT_PRICE * TONNES / PRODUCT_PRICE == case["input_share"]
    policies = [duty("input", case["input_rate"])] + ([duty("product", case[on_output])] if on_output else [])
    margin, _ = margin_at_home(processing_market(), policies)
    assert margin / (PRODUCT_PRICE * (1 - case["input_share"])) - 1 == pytest.approx(case[expected] if expected else 0,
                                                                                     abs=1e-7)


@pytest.mark.parametrize("rule, gap", [(None, 0.0), ("neutral", 8.0), ("to_floor", 9.0)])
def test_content_duty_of_a_floor_on_the_input(rule, gap):
    """A floor 8 USD/t above what home pays; the input costs 1 USD/t less abroad, where it needs no freight."""
    market = processing_market(freight=1.0)
    before = PRODUCT_PRICE - TONNES * (INPUT_PRICE + 1)
    settings = {} if rule is None else {"coverage": ["product"], "content_rule": rule}
    floor = fm.PriceFloor(good="input", members=["home"], price=INPUT_PRICE + 1 + 8, **settings)
    margin, run = margin_at_home(market, [floor])
    assert run.dataset["buyer_price"].sel(good="input", region="home").item() == pytest.approx(69.0, rel=1e-9)
    charge = run.dataset["duty"].sel(good="product", origin="abroad", destination="home").item()
    assert charge == pytest.approx(TONNES * gap, abs=1e-5)
    assert margin == pytest.approx(before + TONNES * (gap - 8), abs=1e-5)
    if rule == "neutral":
        assert charge / PRODUCT_PRICE == pytest.approx(16 / 400, abs=1e-7)  # ind06: 2 kg x 8 on a value of 400
        assert run.dataset["output"].sel(good="product", region="home").item() == pytest.approx(1, rel=1e-6)
