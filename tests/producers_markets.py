"""Small markets with straight lines, solved by hand in the tests of the instruments of producing countries."""

import numpy as np

import floormodel as fm
from floormodel.textbook import linear_market


def one_good():
    """X = 2 p and D = 30 - p at home, D = 90 - 3 P abroad.

    Free trade: 2 p = 120 - 4 p, so p = 20, output 40, use at home 10, exports 30. Autarky: 2 p = 30 - p, so p = 10.
    """
    return linear_market({"home": (0.0, 2.0)}, {"home": (30.0, -1.0), "abroad": (90.0, -3.0)})


def ore_and_metal():
    """Ore X = 2 p at home only; a tonne of metal from each of ore: X = m at home and 3 m abroad, m the price of metal less that of
    ore; metal is used abroad, D = 140 - P, and moves free of charge.

    Free trade: 2 p = 4 m and 140 - P = 4 m with P = p + m: m = 20, p = 40, P = 60, ore 80, metal 20 at home and 60 abroad.
    """
    ore, metal = np.array([[20.0, 60.0], [0.0, 0.0]]), np.array([[0.0, 20.0], [0.0, 60.0]])
    figures = {
        "price0": np.array([[40.0, 40.0], [60.0, 60.0]]), "output0": np.array([[80.0, 0.0], [20.0, 60.0]]),
        "final_demand0": np.array([[0.0, 0.0], [0.0, 80.0]]), "flow0": np.stack([ore, metal]), "recipe": np.array([[0.0, 0.0], [1.0, 0.0]]),
        "supply_elasticity": 1.0, "demand_elasticity": 60.0 / 80.0, "scrap_factor": 1e-9}
    return fm.market_from_arrays("chain", ["ore", "metal"], ["home", "abroad"], figures, sourcing="homogeneous", supply_curve="linear",
                                 demand_curve="linear")


def logit_market(output, demand, flow, *, supply_elasticity, demand_elasticity, sigma=4.0, regions=("a", "b", "d"), price=100.0, **more):
    """One good at one gate price, isoelastic curves, logit sourcing."""
    figures = {"price0": np.full((1, len(regions)), price), "output0": np.array([output]), "final_demand0": np.array([demand]),
               "flow0": np.array([flow]), "supply_elasticity": supply_elasticity, "demand_elasticity": demand_elasticity,
               "sourcing_elasticity": sigma}
    return fm.market_from_arrays("logit", ["good"], list(regions), figures | more)


def solve(market, *policies):
    """A solved scenario with both identities closed."""
    run = fm.solve(market, list(policies))
    assert run.converged.all()
    assert max(run.identities().values()) < 1e-8
    return run


def at(run, variable, region, good=None):
    return float(run.dataset[variable].sel(good=good or run.dataset["good"].values[0], region=region))


def money(run, account, region):
    """Change of one account of one region, USD/yr; 0 where the accounts have no such line."""
    lines = run.accounts()
    return float(lines[(lines["account"] == account) & (lines["region"] == region)]["value"].sum())


def unknown(run, place=0):
    """Value of an instrument's own unknown, in its unit."""
    return float(run.dataset["unknown_value"].values.ravel()[place])
