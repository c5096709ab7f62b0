"""Indicators under instruments of producer countries: the bloc they refer to and what producers receive, by hand calculations."""

import pytest

import floormodel as fm

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
