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
from floormodel.distributions import factors, relative_variance, triangular
from floormodel.ensemble import sampled_factors
from floormodel.errors import EvidenceWarning
from floormodel.figure_tables import COLUMNS
from floormodel.reconcile import Chain, gaps, reconcile
from floormodel.schema import BY_NAME, FAMILIES, STORED, VARIABLES

NAMES = fm.list_markets()
TONNES = ("output0", "secondary0", "stock_change0", "final_demand0", "flow0")


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
            assert np.all((row["low"] * (1 - 1e-12) <= cell) & (cell <= row["high"] * (1 + 1e-12)))


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
        drawn = fm.sample(refinery((45.0, 110.0)), 64, seed=1)
    price = drawn.dataset["price0"].values[:, 1, 0]
    free = fm.sample(refinery((45.0, 110.0)), 64, seed=1, benchmark=False)
    assert np.all(free.dataset["price0"].values[:, 1] == 100)
    numbers = np.sort(price)
    assert numbers[0] > 64 and price.max() <= 110
    assert f"{np.sum(_raw_prices() < 64)} of 64" in str(told[0].message) and drawn.notes[-1] in str(told[0].message)
    low = _raw_prices() < 64
    np.testing.assert_allclose(price[low], 10 * np.sqrt(_raw_prices()[low]), rtol=1e-12)
    np.testing.assert_allclose(price[~low], _raw_prices()[~low], rtol=1e-12)
    run = fm.solve(drawn)
    assert run.converged.all() and run.solved.solution.iterations.max() == 0
    np.testing.assert_allclose(drawn.dataset["capacity"].values[:, 1, 0] / drawn.dataset["output0"].values[:, 1, 0], 1.25, rtol=1e-12)


def _raw_prices() -> np.ndarray:
    """Prices of the same draws where ore is so cheap that any metal price pays."""
    source = refinery((45.0, 110.0))
    cheap = source.replace(price0=np.array([[1.0], [100.0]]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return fm.sample(cheap, 64, seed=1).dataset["price0"].values[:, 1, 0]


def test_one_figure_with_a_range_is_drawn_from_its_triangle_where_nothing_contradicts_it():
    """Output of metal, 80 to 120 around 100; all else has no range and follows."""
    drawn = fm.sample(refinery((100.0, 100.0)), 256, seed=1).dataset
    metal = np.sort(drawn["output0"].values[:, 1, 0])
    expected = triangular((np.arange(256) + 0.5) / 256, *(np.full(256, x) for x in (80.0, 100.0, 120.0)))
    held = np.log(metal / 100) / np.log(expected / 100)
    assert 0 < np.median(held) < 1  # ore without a range is held at 1 % and pulls the other way
    np.testing.assert_allclose(drawn["output0"].values[:, 1], drawn["output0"].values[:, 0], rtol=1e-10)
    np.testing.assert_allclose(drawn["output0"].values[:, 1], drawn["final_demand0"].values[:, 1], rtol=1e-10)


def test_the_schema_names_a_distribution_of_all_that_is_drawn():
    for variable in VARIABLES:
        assert variable.family in {"", *FAMILIES} and not (variable.uncertain and variable.benchmark), variable.name
    assert {v.name for v in VARIABLES if v.benchmark} == {*TONNES, "recipe", "price0"}


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
    out, failed = reconcile(prior, spread, NO_RECIPE)
    weight = 1 / np.array([2.0, 50.0, 8.0])
    x = np.exp(weight @ np.log([90.0, 100.0, 130.0]) / weight.sum())
    assert not failed[0]
    assert [float(getattr(out, f).ravel()[0]) for f in ("output", "flow", "demand")] == pytest.approx([x] * 3, rel=1e-10)


def test_a_stock_change_moves_by_its_variance_and_may_change_sign():
    """X - dS = q = D with X and D held: dS = X - D."""
    out, failed = reconcile(chain(output=100.0, flow=100.0, demand=107.0, stock=2.0), chain(flow=10.0, stock=4.0), NO_RECIPE)
    assert not failed[0] and float(out.stock.item()) == pytest.approx(-7.0, rel=1e-9) and out.output.item() == 100


def test_what_cannot_be_balanced_is_told_and_what_balances_is_not_touched():
    prior = chain(output=[100.0, 90.0], flow=[100.0, 100.0], demand=[100.0, 100.0])
    out, failed = reconcile(prior, chain(flow=10.0), np.zeros((2, 1, 1)))
    assert failed.tolist() == [False, True]
    assert [getattr(out, f).ravel()[0] for f in ("output", "flow", "demand")] == [100, 100, 100]


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
    out, failed = reconcile(prior, spread, recipe)
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
    out, failed = reconcile(prior, chain(output=1 / 100, demand=4 / 100, flow=1e4), np.zeros((n, 1, 1)))
    x = out.output.ravel()
    assert not failed.any()
    assert x.mean() == pytest.approx(100.4, abs=4 * np.sqrt(0.8 / n) + 0.02) and x.var() == pytest.approx(0.8, rel=0.05)
