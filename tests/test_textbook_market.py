"""Ways to enter a textbook market: the documented session, the figures they make, what they refuse."""

import re
from pathlib import Path

import numpy as np
import pytest

import floormodel as fm
from floormodel.equilibrium.homogeneous import HomogeneousSystem
from floormodel.equilibrium.solve import build_terms
from floormodel.textbook import linear_market

PAGE = (Path(__file__).parents[1] / "docs" / "textbook_market.md").read_text("utf-8")
WHEAT = {"supply": {"home": (20, 20), "foreign": (40, 20)}, "demand": {"home": (100, -20), "foreign": (80, -20)}}


def test_the_page_prints_what_it_says(capsys):
    session: dict = {}
    blocks = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.S)
    assert len(blocks) == PAGE.count("```python") == 3
    for code, printed in blocks:
        assert len(code.strip().splitlines()) <= 20
        assert max(map(len, code.splitlines())) <= 120
        exec(compile(code, "textbook_market.md", "exec"), session)  # noqa: S102 (the text under test)
        assert capsys.readouterr().out == printed


def test_direct_and_inverse_lines_are_the_same_market():
    def inverted(lines):
        return {r: (-a / b, 1 / b) for r, (a, b) in lines.items()}
    direct = linear_market(**WHEAT)
    inverse = linear_market(inverted(WHEAT["supply"]), inverted(WHEAT["demand"]), inverse=True)
    for name in ("price0", "output0", "final_demand0", "supply_elasticity", "demand_elasticity"):
        assert inverse.dataset[name].values == pytest.approx(direct.dataset[name].values, rel=1e-12)


def test_one_number_of_freight_holds_between_regions_only():
    freight = linear_market(**WHEAT, freight=3.0).dataset["freight"].values[0]
    assert freight.tolist() == [[0, 3], [3, 0]]


def test_a_rigid_curve_and_a_region_with_one_side_only():
    market = linear_market({"mine": (30, 0)}, {"plant": (100, -10)}, freight=2.0)  # 30 t whatever the price
    run = fm.solve(market, [fm.ImportTariff(good="good", importers=["plant"], levy=1.0)])  # the mine pays: its tonnes are fixed
    assert max(run.identities().values()) < 1e-8
    assert run.dataset["price"].sel(good="good", region="mine").item() == pytest.approx(4, rel=1e-10)
    assert run.dataset["buyer_price"].sel(good="good", region="plant").item() == pytest.approx(7, rel=1e-10)
    rigid = fm.solve(linear_market({"mine": (-10, 2)}, {"plant": (30, 0)}, freight=2.0),
                     [fm.ExportTax(good="good", exporters=["mine"], levy=1.0)])  # the plant pays: its use is fixed
    assert max(rigid.identities().values()) < 1e-8
    assert rigid.dataset["buyer_price"].sel(good="good", region="plant").item() == pytest.approx(23, rel=1e-10)


def test_more_than_buyers_take_for_nothing_is_thrown_away():
    run = fm.solve(linear_market({"home": (80, 1)}, {"home": (50, -5)}))
    assert run.dataset["price"].item() == pytest.approx(0, abs=1e-6)
    assert run.dataset["scrapped"].item() == pytest.approx(30, rel=1e-6)
    assert max(run.identities().values()) < 1e-8


def test_a_curve_stays_at_zero_where_its_line_is_below():
    """Dear producers keep out: at 4 USD/t only the cheap region makes anything, until it is shut off."""
    market = linear_market({"cheap": (0, 10), "dear": (-50, 10)}, {"cheap": (20, -1), "dear": (24.0, -1)})
    run = fm.solve(market)
    assert run.dataset["buyer_price"].values[0] == pytest.approx([44 / 12] * 2, rel=1e-9)
    assert run.dataset["output"].values[0] == pytest.approx([440 / 12, 0], rel=1e-9, abs=1e-9)
    alone = fm.solve(market, [fm.ExportQuota(good="good", exporter="cheap", quota=0)])
    assert alone.dataset["price"].sel(region="dear").item() == pytest.approx(74 / 11, rel=1e-9)


@pytest.mark.parametrize("supply, demand, settings, word", [
    ({"home": (20, -20)}, WHEAT["demand"], {}, "slope at least 0"), (WHEAT["supply"], {"home": (100, 20)}, {}, "slope at most 0"),
    ({"home": (9, 0)}, {"home": (42, -2)}, {"inverse": True}, "not 0"), ({"home": (np.nan, 1)}, WHEAT["demand"], {}, "nan"),
    ({"home": (-50, 1)}, {"home": (40, -1)}, {}, "two regions"), ({"home": (-5, 0)}, {"home": (40, -1)}, {}, "two regions"),
])
def test_lines_that_make_no_market_are_refused_by_name(supply, demand, settings, word):
    with pytest.raises(fm.DataError, match="home") as caught:
        linear_market(supply, demand, **settings)
    assert word in str(caught.value)


def test_freight_of_another_shape_is_refused():
    with pytest.raises(fm.DataError, match="freight"):
        linear_market(**WHEAT, freight=np.zeros((3, 3)))


# the kernel behind it


def drawn_market(draws):
    growth = 1 + 0.02 * np.arange(draws)
    return linear_market(**WHEAT).replace(demand_shift=np.stack([[[g, 1.0]] for g in growth])), growth


@pytest.mark.parametrize("draws", [3, 8])  # a batch of eight draws has as many rows as the Jacobian of one draw has columns
def test_draws_do_not_meet_each_other(draws):
    market, growth = drawn_market(draws)
    run = fm.solve(market)
    assert run.converged.all()
    by_hand = (100 * growth + 80 - 60) / (20 * growth + 60)
    assert run.dataset["price"].values[:, 0, 0] == pytest.approx(by_hand, rel=1e-10)
    terms, _ = build_terms(market, [fm.PriceFloor(good="good", members=["home"], price=1.75)])
    system = HomogeneousSystem(terms)
    point = np.random.default_rng(draws).normal(0, 0.1, (draws, system.size))
    f, jac = system.evaluate(point, np.arange(draws), 0.0, True)
    for i in range(draws):
        alone_f, alone = system.evaluate(point[i:i + 1], np.array([i]), 0.0, True)
        assert np.allclose(alone_f[0], f[i], rtol=1e-13, atol=1e-13)
        assert np.allclose(alone[0], jac[i], rtol=1e-12, atol=1e-12)


def test_jacobian_matches_differences():
    market, _ = drawn_market(1)
    policies = [fm.ImportTariff(good="good", importers=["home"], rate=0.1, levy=0.2),
                fm.ExportQuota(good="good", exporter="foreign", quota=10),
                fm.PriceGapSubsidy(good="good", regions=["home"], strike=3.0)]
    terms, _ = build_terms(market, policies)
    system = HomogeneousSystem(terms)
    point, row = np.random.default_rng(5).normal(0, 0.1, (1, system.size)), np.array([0])
    _, jac = system.evaluate(point, row, 0.0, True)
    for j in range(system.size):
        step = np.eye(system.size)[j] * 1e-6
        difference = (system.evaluate(point + step, row, 0.0, False)[0] - system.evaluate(point - step, row, 0.0, False)[0]) / 2e-6
        assert jac[0, :, j] == pytest.approx(difference[0], rel=1e-6, abs=1e-7)
