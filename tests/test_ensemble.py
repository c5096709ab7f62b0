"""Draws: reproducible, prefix-stable, inside their ranges; and what a batch of them says about each, solved or not."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.stats import spearmanr, triang

import floormodel as fm
from floormodel.ensemble import sampled_factors, triangular
from floormodel.equilibrium.solve import find
from floormodel.schema import BY_NAME
from tests.outcomes import Array, gap, outcome

NAMES = fm.list_markets()
BLOC = ["USA", "EU27", "JPN", "KOR"]


@cache
def market(name: str = "rare_earths") -> fm.Market:
    return fm.load_market(name)


def bloc_floor(factor: float = 1.8) -> list[fm.Instrument]:
    price = float(market().dataset["price0"].sel(good="ndpr_oxide").max())
    return [fm.PriceFloor(good="ndpr_oxide", members=BLOC, price=price * factor)]


def one_draw(drawn: fm.Market, i: int) -> fm.Market:
    """Draw i as a market of its own."""
    return replace(drawn, dataset=xr.Dataset({k: v.isel(draw=i) if "draw" in v.dims else v for k, v in drawn.dataset.data_vars.items()}))


def values(drawn: fm.Market) -> dict[str, Array]:
    return {str(k): v.values for k, v in drawn.dataset.data_vars.items()}


# ---- the numbers drawn


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_bits(name):
    """[70] Another seed, other numbers, in every factor."""
    one, same, other = (values(fm.sample(market(name), 40, seed=seed)) for seed in (7, 7, 8))
    for variable in one:
        np.testing.assert_array_equal(one[variable], same[variable])
    for variable, good in sampled_factors(market(name)):
        at = market(name).goods.index(good)
        assert not np.array_equal(np.nan_to_num(one[variable][:, at]), np.nan_to_num(other[variable][:, at])), (variable, good)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("few", [1, 2, 37, 64])
def test_first_draws_of_many_are_the_draws_of_few(name, few):
    """[71] So a run may be made longer without throwing away what is there."""
    short, long = values(fm.sample(market(name), few, seed=3)), values(fm.sample(market(name), 100, seed=3))
    for variable, kept in short.items():
        drawn = kept.ndim > len(BY_NAME[variable].dims)
        np.testing.assert_array_equal(kept, long[variable][:few] if drawn else long[variable])


@pytest.mark.parametrize("name", NAMES)
def test_draws_stay_inside_their_ranges_and_the_rest_stays_put(name):
    """The ranges are read from the tables here again, cell by cell: a specific row wins over `*`, which spares the own region."""
    source, drawn = market(name), fm.sample(market(name), 200, seed=1, benchmark=False)
    order, seen = source.regions, 0
    for variable, array in drawn.dataset.data_vars.items():
        if "draw" not in array.dims:
            np.testing.assert_array_equal(array.values, source.dataset[variable].values)
            continue
        stored = [s for s in BY_NAME[str(variable)].stored_names if not BY_NAME[str(variable)].horizon or s.endswith("_long")]
        rows = source.figures[source.figures["variable"].isin(stored)]
        routes = "origin" in array.dims
        for index in np.ndindex(array.shape[1:]):
            labels = {"good": source.goods[index[0]], "region": order[index[1]], "partner": order[index[2]] if routes else ""}
            fits = rows[(rows["good"] == labels["good"]) & rows["region"].isin([labels["region"], "*"])
                        & (rows["partner"].isin([labels["partner"], "*"]) if routes else True)]
            stars = (fits["region"] == "*").astype(int) + (fits["partner"] == "*").astype(int)
            fits = fits[stars == stars.min()] if not (routes and index[1] == index[2]) else fits[stars == 0]
            here = array.values[(slice(None), *index)]
            if len(fits) and pd.notna(fits["low"].iloc[-1]) and pd.notna(fits["high"].iloc[-1]):
                assert np.all((fits["low"].iloc[-1] <= here) & (here <= fits["high"].iloc[-1])), (variable, labels)
                seen += fits["low"].iloc[-1] < fits["high"].iloc[-1]
            else:
                np.testing.assert_array_equal(here, source.dataset[variable].values[index])
    assert seen > 20


def test_a_row_without_a_range_takes_a_wider_range_away():
    """A figure known exactly for one region is not drawn because the others' is uncertain."""
    source = market()
    wide = source.figures[(source.figures["variable"] == "demand_elasticity_long") & (source.figures["region"] == "*")].iloc[0]
    exact = pd.DataFrame([{**wide.to_dict(), "region": "JPN", "low": np.nan, "high": np.nan}])
    drawn = fm.sample(replace(source, figures=pd.concat([source.figures, exact], ignore_index=True)), 16, seed=1)
    spread = drawn.dataset["demand_elasticity"].sel(good=wide["good"]).std("draw")
    assert float(spread.sel(region="JPN")) == 0 and float(spread.sel(region="USA")) > 0


@pytest.mark.parametrize("name", NAMES)
def test_factors_move_regions_together_and_each_other_not_at_all(name):
    drawn, source = fm.sample(market(name), 512, seed=2, benchmark=False), market(name)
    columns = []
    for variable, good in sampled_factors(source):
        block = drawn.dataset[variable].sel(good=good).values.reshape(512, -1)
        moving = block[:, np.nanmax(block, axis=0) > np.nanmin(block, axis=0)]
        ranks = moving.argsort(axis=0, kind="stable")
        assert np.all(ranks == ranks[:, :1]), (variable, good)
        columns.append(moving[:, 0])
    correlation = spearmanr(np.stack(columns, axis=1)).statistic
    assert np.max(np.abs(correlation - np.eye(len(columns)))) < 0.15


@pytest.mark.parametrize(("low", "mode", "high"), [(1.0, 2.0, 8.0), (0.0, 0.2, 1.0), (-3.0, -3.0, 4.0), (2.0, 9.0, 9.0), (1e-3, 5.0, 6.0)])
def test_quantile_function_is_that_of_scipy(low, mode, high):
    u = np.linspace(0, 1, 101)
    a, c, b = np.log([low, mode, high]) if low > 0 else (low, mode, high)
    expected = triang.ppf(u, (c - a) / (b - a), a, b - a)
    got = triangular(u, *(np.full(101, x) for x in (low, mode, high)))
    np.testing.assert_allclose(got, np.exp(expected) if low > 0 else expected, rtol=1e-12, atol=1e-12)
    assert np.all((low <= got) & (got <= high)) and np.all(np.diff(got) >= 0)


@pytest.mark.parametrize("n", [0, -1, 2.0, True, 10**8])
def test_refused_numbers_of_draws(n):
    with pytest.raises(fm.DataError, match="expected a whole number"):
        fm.sample(market(), n)


def test_draws_are_not_drawn_again():
    with pytest.raises(fm.DataError, match="has 4 draws already"):
        fm.sample(fm.sample(market(), 4), 4)


# ---- what a batch says


def squeezed(source: fm.Market, keep: str | None = None) -> fm.Market:
    """The market with all ranges closed to their central figures, but for one variable."""
    figures = source.figures.copy()
    closed = figures["low"].notna() & (figures["variable"] != keep)
    figures.loc[closed, "low"] = figures.loc[closed, "high"] = figures.loc[closed, "value"]
    return replace(source, figures=figures)


@pytest.mark.parametrize("keep", [None, "freight"])
def test_ranges_of_no_width_change_no_bit(keep):
    """[76] Alone, or beside a variable that does move."""
    plain, drawn = market(), fm.sample(squeezed(market(), keep), 5, seed=1, benchmark=False)
    for variable in drawn.dataset.data_vars:
        if variable != keep:
            np.testing.assert_array_equal(*np.broadcast_arrays(drawn.dataset[variable].values, plain.dataset[variable].values))
    if keep is None:
        assert drawn.draws == 5
        one, many = find(plain, bloc_floor()), find(drawn, bloc_floor())
        np.testing.assert_array_equal(many.solution.z, np.repeat(one.solution.z, 5, axis=0))


@pytest.mark.parametrize("name", NAMES)
def test_a_draw_alone_is_the_draw_in_the_batch(name):
    """[73, 82] Whatever else is in the batch, and in whatever order."""
    drawn = fm.sample(market(name), 24, seed=5)
    good = drawn.goods[min(1, len(drawn.goods) - 1)]
    price = float(drawn.dataset["price0"].sel(good=good).max())
    policies = [fm.PriceFloor(good=good, members=[r for r in BLOC if r in drawn.regions], price=1.5 * price)]
    batch = find(drawn, policies)
    assert batch.solution.converged.all()
    for i in (0, 11, 23):
        alone = find(one_draw(drawn, i), policies)
        assert gap(outcome(alone), {k: v[i:i + 1] for k, v in outcome(batch).items()}) < 1e-12
    backwards = find(replace(drawn, dataset=drawn.dataset.isel(draw=slice(None, None, -1))), policies)
    assert gap({k: v[::-1] for k, v in outcome(backwards).items()}, outcome(batch)) < 1e-12


def test_quantiles_are_monotone_and_inside_the_draws():
    """[77]"""
    run = fm.solve(fm.sample(market(), 60, seed=4), bloc_floor())
    frame = run.indicators()
    levels = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
    table = frame.quantiles(levels)
    columns = [f"q{round(100 * level):02d}" for level in levels]
    present = table[table["present"] > 0]
    steps = np.diff(present[columns].to_numpy(), axis=1)
    assert len(present) > 200 and np.all(steps >= 0) and np.any(steps > 0)
    keys = ["indicator", "good", "region"]
    ends = frame.frame.groupby(keys, sort=False)["change"].agg(["min", "max", "mean"]).reindex(pd.MultiIndex.from_frame(present[keys]))
    np.testing.assert_array_equal(ends["min"], present["q00"])
    np.testing.assert_array_equal(ends["max"], present["q100"])
    width = (ends["max"] - ends["min"]).to_numpy()
    assert np.all((ends["mean"] >= ends["min"] - 1e-9 * width) & (ends["mean"] <= ends["max"] + 1e-9 * width))


def partly_impossible() -> fm.Market:
    """Three draws; in the second a processor that never runs at less needs more of its input than the mine can give."""
    arrays = {"price0": np.array([[100.0], [300.0]]), "output0": np.array([[120.0], [80.0]]), "flow0": np.array([[[120.0]], [[80.0]]]),
              "final_demand0": np.array([[40.0], [80.0]]), "recipe": np.array([[0.0, 0.0], [1.0, 0.0]]),
              "capacity": np.array([[130.0], [np.inf]]), "supply_elasticity": np.array([[1.0], [0.0]]),
              "demand_elasticity": 0.5, "sourcing_elasticity": 3.0,
              "supply_shift": np.array([[[1.0], [1.0]], [[1.0], [1.8]], [[1.0], [1.1]]])}
    return fm.market_from_arrays("impossible", ["ore", "metal"], ["only"], arrays)


def test_unsolved_draws_keep_their_place_and_their_flag():
    """[75] Nothing is dropped, nothing is filled in; the draws beside them are not disturbed."""
    drawn = partly_impossible()
    policies = [fm.PriceGapSubsidy(good="ore", regions=["only"], strike=140.0)]
    run = fm.solve(drawn, policies)
    np.testing.assert_array_equal(run.converged, [True, False, True])
    assert str(run.dataset["point"].values[1]) == "not_solved" and str(run.dataset["stop"].values[1]) != "normal"
    for name in ("price", "output", "flow", "buyer_price"):
        gone = np.isnan(run.dataset[name].values).reshape(3, -1)
        assert gone[1].all() and not gone[0].any() and not gone[2].any()
    frame = run.indicators().frame
    shown = frame.groupby("draw")["value"].count()
    assert shown[1] == 0 and shown[0] == shown[2] > 10
    assert run.accounts().groupby("draw")["value"].count()[1] == 0
    table = run.indicators().quantiles()
    assert set(np.round(table["present"].unique() * 3)) <= {0, 2}
    with pytest.raises(fm.ConvergenceError, match=r"1 of 3 draws not solved: \[1\]"):
        run.raise_if_unsolved()
    for i in (0, 2):
        alone = fm.solve(one_draw(drawn, i), policies)
        assert gap(outcome(alone.solved), {k: v[i:i + 1] for k, v in outcome(run.solved).items()}) < 1e-12
    assert max(run.identities().values()) < 1e-9
