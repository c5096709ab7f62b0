"""Draws of tonnes, recipes and prices: each an exact benchmark; and the balancing of a whole chain behind them."""

from __future__ import annotations

import warnings
from dataclasses import fields, replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

import floormodel as fm
from floormodel.distributions import factors, relative_variance, symmetric, triangular
from floormodel.ensemble import sampled_factors
from floormodel.errors import EvidenceWarning
from floormodel.figure_tables import COLUMNS
from floormodel.reconcile import Chain, gaps, reconcile
from floormodel.schema import BY_NAME, FAMILIES, STORED, VARIABLES

NAMES = fm.list_markets()
TONNES = ("output0", "secondary0", "stock_change0", "final_demand0", "flow0")
WEDGES = {"export_rate0", "export_levy0", "import_rate0", "import_levy0", "royalty0", "under_invoicing", "subsidy0"}


@cache
def market(name: str = "rare_earths", horizon: str = "long") -> fm.Market:
    return fm.load_market(name, horizon)


def figures(drawn: fm.Market) -> dict[str, np.ndarray]:
    return {str(k): v.values for k, v in drawn.dataset.data_vars.items()}


# ---- draws of a market


@pytest.mark.parametrize("name", NAMES)
def test_every_draw_is_an_exact_benchmark(name):
    """It takes no step, its books balance, zeros stay zero, and what is drawn spreads."""
    source, drawn = market(name), fm.sample(market(name), 8, seed=3)
    run = fm.solve(drawn)
    assert run.converged.all() and run.solved.solution.iterations.max() == 0
    assert max(run.identities().values()) < 1e-9
    for variable in ("flow0", "output0", "final_demand0"):
        np.testing.assert_array_equal(drawn.dataset[variable].values > 0, np.repeat(source.dataset[variable].values[None] > 0, 8, axis=0))
    moved = {f.variable for f in factors(source)[0] if STORED[f.variable].benchmark}
    assert {"output0", "price0"} <= moved
    for variable in moved:
        assert float(drawn.dataset[variable].std("draw").max()) > 0, variable
    price = drawn.dataset["price0"].values
    for _, row in source.figures[(source.figures["variable"] == "price0") & source.figures["low"].notna()].iterrows():
        if row["region"] != "*":
            cell = price[:, source.goods.index(row["good"]), source.regions.index(row["region"])]
            reach = np.sqrt(row["high"] / row["low"])  # half the range to either side, in logs
            assert np.all((row["value"] / reach * (1 - 1e-12) <= cell) & (cell <= row["value"] * reach * (1 + 1e-12)))
    for variable in WEDGES & moved:
        for _, row in source.figures[(source.figures["variable"] == variable) & source.figures["low"].notna()].iterrows():
            cell = drawn.dataset[variable].sel(good=row["good"])
            where = dict(zip(("region",) if "region" in cell.dims else ("origin", "destination"), (row["region"], row["partner"])))
            cell = cell.sel({dim: at for dim, at in where.items() if at != "*"}).values
            if "*" not in where.values():  # a row for all regions may be overwritten
                assert np.all((row["low"] - 1e-12 <= cell) & (cell <= row["high"] + 1e-12))


def place(draws: np.ndarray, centre: float) -> float:
    """Share of draws below the centre, those on it by half."""
    return float(np.mean(draws < centre * (1 - 1e-9)) + 0.5 * np.mean(np.abs(draws / centre - 1) <= 1e-9))


@pytest.mark.parametrize("name", NAMES)
def test_the_central_market_is_in_the_middle_of_its_draws(name):
    """World output, recycled tonnes and mean price of each stage: central figures between the quartiles of the balanced draws."""
    source, drawn = market(name), fm.sample(market(name), 128, seed=1).dataset
    for g in range(len(source.goods)):
        weight = source.dataset["output0"].values[g]
        price = drawn["price0"].values[:, g][:, weight > 0] @ weight[weight > 0]
        assert 0.25 < place(price, source.dataset["price0"].values[g][weight > 0] @ weight[weight > 0]) < 0.75
        for variable in ("output0", "secondary0"):
            centre = source.dataset[variable].values[g].sum()
            assert centre == 0 or 0.25 < place(drawn[variable].values[:, g].sum(1), centre) < 0.75, (variable, source.goods[g])


@pytest.mark.parametrize(("name", "good", "rho", "total"), [("rare_earths", "ndpr_oxide", -0.7, 0.05), ("copper", "refined", -0.95, 0.03)])
def test_correlated_output_and_scrap_are_so_in_the_balanced_draws(name, good, rho, total):
    """Parts of a known total: rank correlation 6 / pi arcsin(rho / 2) of the market's own row, and the total hardly moves."""
    row = market(name).correlations.query("variable == 'output0' and with_variable == 'secondary0' and region in ('CHN', '*')").iloc[0]
    assert row["correlation"] == rho
    drawn = fm.sample(market(name), 256, seed=1).dataset.sel(good=good, region="CHN")
    made, scrap = drawn["output0"].values, drawn["secondary0"].values
    assert spearmanr(made, scrap).statistic == pytest.approx(6 / np.pi * np.arcsin(rho / 2), abs=0.12)
    centre = float(market(name).dataset[["output0", "secondary0"]].to_array().sel(good=good, region="CHN").sum())
    assert np.all(np.abs(np.quantile((made + scrap) / centre, [0.05, 0.95]) - 1) < total)
    assert np.quantile(scrap / np.median(scrap), 0.95) > 1.08


def test_a_royalty_is_drawn_from_its_triangle_and_leaves_the_margin_by_what_it_takes():
    """Royalty 0 to 0.1 around 0.04 of a price of 100: the margin is 100 (1 - r) - 60."""
    source = refinery((100.0, 100.0)).replace(royalty0=np.array([[0.0], [0.04]]))
    rows = [["royalty0", "metal", "A", "", 0.04, "share of gate price", 0.0, 0.1, "2024", "x", ""]]
    drawn = fm.sample(replace(source, figures=pd.DataFrame(rows, columns=COLUMNS)), 256, seed=1)
    royalty = drawn.dataset["royalty0"].values[:, 1, 0]
    expected = triangular((np.arange(256) + 0.5) / 256, *(np.full(256, x) for x in (0.0, 0.04, 0.1)))
    np.testing.assert_allclose(np.sort(royalty), expected, atol=1e-3)
    run = fm.solve(drawn)
    assert run.solved.solution.iterations.max() == 0
    np.testing.assert_allclose(run.solved.state.benchmark.margin0[:, 1, 0], 40 - 100 * royalty, rtol=1e-12)


def test_first_draws_of_many_are_the_draws_of_few():
    few, many = (figures(fm.sample(market("cobalt"), n, seed=5)) for n in (3, 20))
    for name, values in few.items():
        np.testing.assert_array_equal(values, many[name][:3] if values.ndim > len(BY_NAME[name].dims) else many[name])


def test_parameters_without_correlations_are_drawn_as_without_the_benchmark():
    """And without the benchmark nothing of it is drawn."""
    plain, full = fm.sample(market(), 16, seed=2, benchmark=False), fm.sample(market(), 16, seed=2)
    drawn = {name for name, array in plain.dataset.data_vars.items() if "draw" in array.dims}
    assert drawn == {name for name, _ in sampled_factors(market())} and not drawn & {v.name for v in VARIABLES if v.benchmark}
    for name in ("secondary_elasticity", "latent_capacity", "latent_route_weight"):
        assert name in drawn
        np.testing.assert_array_equal(plain.dataset[name].values, full.dataset[name].values)
    first, later = (np.stack([m.dataset["supply_elasticity"].values[:, g, 0] for g in (0, 1)]) for m in (plain, full))
    np.testing.assert_allclose(first[0], later[0], rtol=1e-12)  # the first of correlated numbers stays, the others follow it
    assert not np.array_equal(first[1], later[1])


def test_short_and_long_run_elasticities_of_a_seed_go_together():
    """Two markets, one seed: Spearman 6 / pi arcsin(rho / 2) of the shipped rows, 0.5 for supply and 0.8 for demand."""
    both = {}
    for horizon in ("long", "short"):
        source = market("cobalt", horizon)
        parameters = source.figures[[STORED[v].uncertain for v in source.figures["variable"]]]
        both[horizon] = fm.sample(replace(source, figures=parameters), 512, seed=1).dataset
    for name, rho in (("supply_elasticity", 0.5), ("demand_elasticity", 0.8)):
        a, b = (both[h][name].sel(good="refined").values[:, 0] for h in ("long", "short"))
        assert spearmanr(a, b).statistic == pytest.approx(6 / np.pi * np.arcsin(rho / 2), abs=0.06)
    stages = spearmanr(*(both["long"]["supply_elasticity"].sel(good=g).values[:, 0] for g in ("mined", "refined"))).statistic
    assert stages == pytest.approx(6 / np.pi * np.arcsin(0.3 / 2), abs=0.06)


def test_ranges_of_no_width_change_no_bit():
    table = market("nickel").figures.copy()
    closed = table["low"].notna()
    table.loc[closed, "low"] = table.loc[closed, "high"] = table.loc[closed, "value"]
    drawn = fm.sample(replace(market("nickel"), figures=table), 3, seed=1)
    for name, values in figures(market("nickel")).items():
        np.testing.assert_array_equal(drawn.dataset[name].values, np.broadcast_to(values, drawn.dataset[name].shape))


def refinery(margin_range: tuple[float, float]) -> fm.Market:
    """One region that mines 100 t at 60 and refines them at 100 USD/t, both prices with ranges; capacity 125 t."""
    arrays = {"price0": np.array([[60.0], [100.0]]), "output0": np.array([[100.0], [100.0]]),
              "flow0": np.array([[[100.0]], [[100.0]]]), "final_demand0": np.array([[0.0], [100.0]]),
              "recipe": np.array([[0.0, 0.0], [1.0, 0.0]]), "capacity": np.array([[np.inf], [125.0]]), "supply_elasticity": 1.0,
              "demand_elasticity": 0.5, "sourcing_elasticity": 3.0}
    plain = fm.market_from_arrays("one", ["ore", "metal"], ["A"], arrays)
    low, high = margin_range
    rows = [["price0", "metal", "A", "", 100.0, "USD/t", low, high, "2024", "x", ""],
            ["output0", "metal", "A", "", 100.0, "t/yr", 80.0, 120.0, "2024", "x", ""]]
    return replace(plain, figures=pd.DataFrame(rows, columns=COLUMNS))


def test_a_draw_that_would_not_pay_is_pulled_back_and_counted():
    """Metal at 64 or less would leave a tenth of the margin of 40; pulled back half way in logs, price^(1/2) 10, it leaves more."""
    with pytest.warns(EvidenceWarning, match="left a producer less than 10% of its central margin") as told:
        drawn = fm.sample(refinery((25.0, 110.0)), 64, seed=1)
    price = drawn.dataset["price0"].values[:, 1, 0]
    free = fm.sample(refinery((25.0, 110.0)), 64, seed=1, benchmark=False)
    assert np.all(free.dataset["price0"].values[:, 1] == 100)
    numbers = np.sort(price)
    assert numbers[0] > 64 and price.max() <= 100 * np.sqrt(110 / 25)
    assert f"{np.sum(_raw_prices() < 64)} of 64" in str(told[0].message) and drawn.notes[-1] in str(told[0].message)
    low = _raw_prices() < 64
    np.testing.assert_allclose(price[low], 10 * np.sqrt(_raw_prices()[low]), rtol=1e-12)
    np.testing.assert_allclose(price[~low], _raw_prices()[~low], rtol=1e-12)
    run = fm.solve(drawn)
    assert run.converged.all() and run.solved.solution.iterations.max() == 0
    np.testing.assert_allclose(drawn.dataset["capacity"].values[:, 1, 0] / drawn.dataset["output0"].values[:, 1, 0], 1.25, rtol=1e-12)


def _raw_prices() -> np.ndarray:
    """Prices of the same draws where ore is so cheap that any metal price pays."""
    source = refinery((25.0, 110.0))
    cheap = source.replace(price0=np.array([[1.0], [100.0]]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return fm.sample(cheap, 64, seed=1).dataset["price0"].values[:, 1, 0]


def test_one_figure_with_a_range_is_drawn_from_its_triangle_where_nothing_contradicts_it():
    """Output of metal, 80 to 120 around 100: half the width, in logs, to either side; all else has no range and follows."""
    drawn = fm.sample(refinery((100.0, 100.0)), 256, seed=1).dataset
    metal = np.sort(drawn["output0"].values[:, 1, 0])
    expected = triangular((np.arange(256) + 0.5) / 256, *(np.full(256, x) for x in (100 / 1.5**0.5, 100.0, 100 * 1.5**0.5)))
    held = np.log(metal / 100) / np.log(expected / 100)
    assert 0 < np.median(held) < 1  # ore without a range is held at 1 % and pulls the other way
    np.testing.assert_allclose(drawn["output0"].values[:, 1], drawn["output0"].values[:, 0], rtol=1e-10)
    np.testing.assert_allclose(drawn["output0"].values[:, 1], drawn["final_demand0"].values[:, 1], rtol=1e-10)


def test_the_schema_names_a_distribution_of_all_that_is_drawn():
    for variable in VARIABLES:
        assert variable.family in {"", *FAMILIES} and not (variable.uncertain and variable.benchmark), variable.name
    assert {v.name for v in VARIABLES if v.benchmark} == {*TONNES, "recipe", "price0", *WEDGES}


@pytest.mark.parametrize(("given", "levels", "ends"), [
    ((48.0, 55.0, 55.0), False, (55 / np.sqrt(55 / 48), 55 * np.sqrt(55 / 48))), ((2.0, 4.0, 8.0), False, (2.0, 8.0)),
    ((0.0, 5.0, 30.0), False, (0.0, 10.0)), ((-8.0, -8.0, 0.0), True, (-12.0, -4.0)), ((5.0, 10.0, 25.0), True, (0.0, 20.0))])
def test_a_one_sided_range_is_a_width_about_the_centre_which_is_the_median(given, levels, ends):
    low, centre, high = (np.full(1, x) for x in given)
    found = symmetric(low, centre, high, levels)
    np.testing.assert_allclose(np.concatenate(found), ends, rtol=1e-12, atol=1e-12)
    draws = triangular(np.array([0.0, 0.3, 0.5, 0.7, 1.0]), found[0], centre, found[1], levels)
    assert draws[2] == pytest.approx(given[1], rel=1e-12) and draws[0] == pytest.approx(ends[0]) and draws[-1] == pytest.approx(ends[1])
    spread = np.log(draws) if given[0] > 0 and not levels else draws
    assert spread[3] - spread[2] == pytest.approx(spread[2] - spread[1], rel=1e-9)


@pytest.mark.parametrize(("low", "mode", "high"), [(1.0, 2.0, 8.0), (-3.0, 2.0, 4.0), (5.0, 5.0, 9.0)])
def test_variance_of_the_triangle(low, mode, high):
    corners = tuple(np.full(1, x) for x in (low, mode, high))
    draws = triangular((np.arange(200_000) + 0.5) / 200_000, *(np.full(200_000, x) for x in (low, mode, high)))
    assert relative_variance(*corners)[0] == pytest.approx(np.var(np.log(draws) if low > 0 else draws / mode), rel=1e-4)


# ---- balancing a chain


def chain(**given: float | np.ndarray) -> Chain:
    """One good in one region: numbers, or one per draw."""
    n = max(np.size(v) for v in given.values())
    shapes = {f.name: (n, 1, 1, 1) if f.name == "flow" else (n, 1, 1) for f in fields(Chain)}
    return Chain(**{name: np.broadcast_to(given.get(name, 0.0), n).astype(float).reshape(shape) for name, shape in shapes.items()})


NO_RECIPE = np.zeros((1, 1, 1))


def test_output_shipment_and_use_meet_at_their_weighted_mean_in_logs():
    """X = q = D: sum of KL(x | prior) / v is least at log x = sum(log prior / v) / sum(1 / v)."""
    prior, spread = chain(output=90.0, flow=100.0, demand=130.0), chain(output=2.0, flow=50.0, demand=8.0)
    out, _, failed = reconcile(prior, spread, NO_RECIPE)
    weight = 1 / np.array([2.0, 50.0, 8.0])
    x = np.exp(weight @ np.log([90.0, 100.0, 130.0]) / weight.sum())
    assert not failed[0]
    assert [float(getattr(out, f).ravel()[0]) for f in ("output", "flow", "demand")] == pytest.approx([x] * 3, rel=1e-10)


def test_a_stock_change_moves_by_its_variance_and_may_change_sign():
    """X - dS = q = D with X and D held: dS = X - D."""
    out, _, failed = reconcile(chain(output=100.0, flow=100.0, demand=107.0, stock=2.0), chain(flow=10.0, stock=4.0), NO_RECIPE)
    assert not failed[0] and float(out.stock.item()) == pytest.approx(-7.0, rel=1e-9) and out.output.item() == 100


def test_what_cannot_be_balanced_is_told_and_what_balances_is_not_touched():
    prior = chain(output=[100.0, 90.0], flow=[100.0, 100.0], demand=[100.0, 100.0])
    out, _, failed = reconcile(prior, chain(flow=10.0), np.zeros((2, 1, 1)))
    assert failed.tolist() == [False, True]
    assert [getattr(out, f).ravel()[0] for f in ("output", "flow", "demand")] == [100, 100, 100]


def test_correlated_figures_share_a_gap_by_their_covariance():
    """X + S = D with D held: X moves by (Vx + C) / (Vx + Vs + 2 C) of the gap, S by the rest."""
    prior, spread = chain(output=100.0, secondary=50.0, flow=156.0, demand=156.0), chain(output=9.0, secondary=16.0, flow=1e6)
    for joint in (-6.0, 4.0, 0.0):
        given = replace(spread, output=spread.output / 100, secondary=spread.secondary / 50) if joint == 0 else spread
        out, _, failed = reconcile(prior, given, NO_RECIPE, joint=np.full((1, 1, 1), joint))
        share = (9 + joint) / (25 + 2 * joint)
        # without correlation the figures move in logs, which is the same to first order
        assert not failed[0] and out.output.item() == pytest.approx(100 + 6 * share, rel=1e-9 if joint else 1e-3)
        assert out.output.item() + out.secondary.item() == pytest.approx(156, rel=1e-10)


def test_a_correlated_figure_below_zero_is_told():
    """-97 of a gap falls on the smaller figure, which has but 3 t."""
    prior, spread = chain(output=100.0, secondary=3.0, flow=6.0, demand=6.0), chain(output=1.0, secondary=900.0, flow=1e6)
    assert reconcile(prior, spread, NO_RECIPE, joint=np.full((1, 1, 1), -5.0))[2].tolist() == [True]


def test_an_uncertain_recipe_takes_its_share_of_a_gap():
    """A X = M with M held, X open at the other end: log A and log X move in proportion to their squared relative spreads."""
    both = dict(output=[[100.0], [100.0]], secondary=0.0, stock=0.0, demand=[[0.0], [100.0]])
    one = Chain(**{k: np.broadcast_to(v, (2, 1))[None].astype(float) for k, v in both.items()}, flow=np.full((1, 2, 1, 1), 100.0))
    zero = np.zeros((1, 2, 1))
    spread = Chain(np.array([[[0.0], [0.04 * 100]]]), zero, np.array([[[0.0], [1e9]]]), zero, np.array([[[[1e6]], [[0.0]]]]))
    out, recipe, failed = reconcile(one, spread, np.array([[[0.0, 0.0], [1.1, 0.0]]]), np.array([[[0.0, 0.0], [0.01, 0.0]]]))
    assert not failed[0] and recipe[0, 1, 0] * out.output[0, 1, 0] == pytest.approx(100, rel=1e-10)
    assert np.log(recipe[0, 1, 0] / 1.1) / np.log(1 / 1.1) == pytest.approx(0.01 / 0.05, rel=1e-6)


def test_a_chain_is_at_the_least_of_its_objective():
    """Two goods, two regions, a recipe, all uncertain. The objective is convex and the balances are linear, so that a balanced chain is
    the least where the slopes log(x / prior) / v are a combination of the balances' rows, found here by moving one figure at a time."""
    rng = np.random.default_rng(3)
    ship = np.array([[[[30.0, 20.0], [0.0, 40.0]], [[15.0, 10.0], [5.0, 20.0]]]])
    base = Chain(np.array([[[50.0, 35.0], [20.0, 24.0]]]), np.array([[[0.0, 5.0], [5.0, 1.0]]]), np.zeros((1, 2, 2)),
                 np.array([[[6.0, 31.2], [20.0, 30.0]]]), ship)
    recipe = np.array([[[0.0, 0.0], [1.2, 0.0]]])
    assert np.max(np.abs(gaps(base, recipe)[0])) < 1e-9
    spread = Chain(*(0.1 * getattr(base, f.name) * rng.uniform(0.2, 2, getattr(base, f.name).shape) for f in fields(Chain)))
    prior = Chain(*(getattr(base, f.name) * rng.lognormal(0, 0.2, getattr(base, f.name).shape) for f in fields(Chain)))
    out, _, failed = reconcile(prior, spread, recipe)
    assert not failed.any() and np.max(np.abs(gaps(out, recipe)[0])) < 1e-9
    slopes, rows = [], []
    for name in ("output", "secondary", "demand", "flow"):
        x, q, v = (getattr(c, name) for c in (out, prior, spread))
        np.testing.assert_array_equal(x > 0, q > 0)
        for cell in np.argwhere(x > 0):
            step = np.zeros_like(x)
            step[tuple(cell)] = 1.0
            slopes.append(np.log(x[tuple(cell)] / q[tuple(cell)]) / v[tuple(cell)])
            rows.append((gaps(replace(out, **{name: x + step}), recipe)[0] - gaps(out, recipe)[0]).ravel())
    multipliers = np.linalg.lstsq(np.array(rows), np.array(slopes), rcond=None)[0]
    assert len(slopes) > len(multipliers) and np.max(np.abs(slopes)) > 1e-2
    np.testing.assert_allclose(np.array(rows) @ multipliers, slopes, atol=1e-9)


def test_balanced_draws_are_draws_given_the_balance():
    """Matheron: with X ~ N(100, 1) and D ~ N(102, 4) the figure that both must be has mean 100.4 and variance 0.8."""
    rng = np.random.default_rng(1)
    n = 20_000
    prior = chain(output=rng.normal(100, 1, n), demand=rng.normal(102, 2, n), flow=np.full(n, 100.0))
    out, _, failed = reconcile(prior, chain(output=1 / 100, demand=4 / 100, flow=1e4), np.zeros((n, 1, 1)))
    x = out.output.ravel()
    assert not failed.any()
    assert x.mean() == pytest.approx(100.4, abs=4 * np.sqrt(0.8 / n) + 0.02) and x.var() == pytest.approx(0.8, rel=0.05)
