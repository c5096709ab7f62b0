"""Faults of instruments in several draws, and of what they say, that other fast tests let pass (benchmarks/mutants.md): closed forms."""

import numpy as np
import pytest

import floormodel as fm
from floormodel.errors import InertWarning
from tests.producers_markets import solve
from tests.test_mutants import chain, importer

ELASTICITIES = np.array([1.0, 1.1, 0.9])  # of supply; three draws, that no axis of two regions or two goods passes for that of the draws


def three_draws():
    return chain().replace(supply_elasticity=np.tile(ELASTICITIES[:, None, None], (1, 2, 2)))


@pytest.mark.parametrize(("price", "source"), [("buyer_price", {"source": "any"}), ("price", {"source": "own"}),
                                               ("price", {"source": "members", "members": ["abroad"]})])
def test_a_purchase_stops_at_the_limit_of_its_own_draw(price, source):
    """X = X0 (p / 100)^e costs 100 e / (1 + e) a tonne; at most 2.2 times that is paid, 104 to 115 USD/t, too little for all 60 t."""
    most = fm.ReferencePrice(kind="cost", margin=1.2)
    run = solve(three_draws(), fm.Stockpile(good="input", region="abroad", purchase=60.0, max_price=most, **source))
    paid = run.dataset[price].sel(good="input", region="abroad").values
    np.testing.assert_allclose(paid, 220 * ELASTICITIES / (1 + ELASTICITIES), rtol=1e-7)
    bought = run.dataset["purchases"].sel(good="input").values.sum(-1)
    assert np.all((bought > 1) & (bought < 59))


def test_processors_pay_the_tax_on_use_in_every_draw():
    """A tonne of input in each of products: 30 USD for each of home's products and none for those made abroad."""
    run = solve(three_draws(), fm.UseTax(good="input", regions=["home"], rate=30.0, users="processors"))
    lines = run.accounts()
    paid = lines[lines["account"] == "subsidy"].groupby("draw")["value"].sum().values
    np.testing.assert_allclose(paid, 30 * run.dataset["output"].sel(good="product", region="home").values, rtol=1e-9)


def test_a_tax_on_final_users_alone_spares_processors():
    """Nobody but processors uses the input."""
    with pytest.warns(InertWarning, match="nobody to tax"):
        run = solve(chain(), fm.UseTax(good="input", regions=["home"], rate=30.0, users="final"))
    assert run.accounts().empty


def test_a_share_met_in_the_benchmark_is_told():
    """0.6 of the 100 t from out are certified and none of home's own 50: 0.4 of what home uses."""
    run = solve(importer(), fm.StandardsMarket(good="good", regions=["home"], share=0.3, penalty=30.0, certified={"out": 0.6}))
    assert [n for n in run.notes if "meets the share" in n] == ["standards_market: home meets the share in the benchmark (0.4)"]
