"""Indicators under instruments of producer countries: the bloc they refer to and what producers receive, by hand calculations."""

import pytest

import floormodel as fm
from tests.producers_markets import one_good, solve

THREE = {"supply": {"CHN": (0, 2), "USA": (0, 1), "JPN": (0, 1)}, "demand": {"USA": (60, -1), "JPN": (60, -1), "EU27": (60, -1)}}
FLOOR = fm.PriceFloor(good="good", members=["USA", "EU27", "JPN"], price=30.0)
HOME = [fm.MarketPower(good="good", region="CHN", conduct=0.0), fm.MiningTax(good="good", region="CHN"),
        fm.ProcessingCapacity(good="good", region="CHN", limit=1e9)]


def value(run, indicator, region, of="value"):
    return run.indicators().select(indicator, "good", region)[of].iloc[0]


@pytest.mark.filterwarnings("ignore::floormodel.errors.InertWarning")
@pytest.mark.parametrize("other", HOME, ids=lambda p: p.kind)
def test_producer_countries_are_no_part_of_the_buying_bloc(other):
    """An instrument of the supplier that changes nothing leaves the bloc and the price inside as they are.

    At the floor of 30 members make 60 of the 90 t that they use, China ships the other 30 t at a gate price of 15.
    """
    market = fm.linear_market(**THREE)
    alone, beside = fm.solve(market, [FLOOR]), fm.solve(market, [FLOOR, other])
    assert alone.bloc == beside.bloc == tuple(r for r in market.regions if r in FLOOR.members)
    assert value(alone, "price_inside", "bloc") == pytest.approx(30.0)
    assert value(beside, "price_inside", "bloc") == value(alone, "price_inside", "bloc")


def revenue(policy):
    """Producer revenue, value added and revenue with rents of the home region, where nothing is used to make the good."""
    run = solve(one_good(), policy)
    return [value(run, name, "home") for name in ("producer_revenue", "value_added", "revenue_and_rents")]


def test_revenue_with_licences_handed_out_by_output():
    """p = 12, w = 12, X = 36 (see test_instruments_producers): each tonne earns 12 and half a licence, 18 in all. No rent is left over."""
    policy = fm.DomesticProcessing(good="good", exporter="home", share=0.5, output_based=True)
    assert revenue(policy) == pytest.approx([18.0 * 36] * 3)


def test_revenue_with_licences_held_as_a_right():
    """p = 15, X = 30; the rent of 10 on 15 t exported is no revenue of producers, but the region's."""
    policy = fm.DomesticProcessing(good="good", exporter="home", share=0.5)
    assert revenue(policy) == pytest.approx([450.0, 450.0, 600.0])


def test_revenue_under_dual_pricing_falls_by_the_burden():
    """p = 24, X = 36 at a burden of 6: producers receive 12 x 18 at home and 24 x 18 abroad, 648, and not 24 x 36 = 864."""
    assert revenue(fm.DualPricing(good="good", region="home", discount=0.5)) == pytest.approx([12 * 18 + 24 * 18.0] * 3)


def test_revenue_with_a_production_subsidy():
    """X = 2 (p + 6) = 120 - 4 p: p = 18, X = 48, of which each tonne earns 24."""
    assert revenue(fm.ProductionSubsidy(good="good", regions=["home"], rate=6.0)) == pytest.approx([24.0 * 48] * 3)


@pytest.mark.parametrize(("licences", "home"), [("exporter", 600.0), ("importer", 450.0), ("home", 600.0)])
def test_licence_rents_count_where_their_holder_is(licences, home):
    """15 t of exports may enter: 15 = 90 - 3 P, P = 25; 2 p = 30 - p + 15, p = 15; the rent is 10 a tonne."""
    policy = fm.TariffRateQuota(good="good", importers=["abroad"], quota={"home": 15.0}, levy_out=50.0, licences=licences)
    assert revenue(policy) == pytest.approx([450.0, 450.0, home])


@pytest.mark.parametrize(("policy", "price", "border"), [
    (fm.ExportLicence(good="good", exporter="home", delay=0.1), 120 / 6.3, 1.1 * 120 / 6.3),
    (fm.Corridor(goods=["good"], origins=["home"], destinations=["abroad"], freight_change=4.0), 18.0, 22.0)], ids=["delay", "freight"])
def test_waiting_and_freight_are_no_export_charge(policy, price, border):
    """2 p = 30 - p + 90 - 3 (1.1 p); with freight of 4, 2 p = 30 - p + 90 - 3 (p + 4). Nobody collects either."""
    found = solve(one_good(), policy).dataset.sel(good="good", origin="home", destination="abroad")
    assert found["price"].sel(region="home").item() == pytest.approx(price)
    assert found["border_price"].item() == found["landed_price"].item() == pytest.approx(border)
    assert found["export_wedge"].item() == pytest.approx(0, abs=1e-12)


def test_credits_are_no_duty():
    """Nothing can be certified, so that half of a penalty of 8 is paid on each tonne abroad: 2 p = 30 - p + 90 - 3 (p + 4), p = 18."""
    policy = fm.StandardsMarket(good="good", regions=["abroad"], share=0.5, penalty=8.0)
    found = solve(one_good(), policy).dataset.sel(good="good", origin="home", destination="abroad")
    assert found["landed_price"].item() == pytest.approx(22.0)
    assert found["duty"].item() == pytest.approx(0.0, abs=1e-12)
