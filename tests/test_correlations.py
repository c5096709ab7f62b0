"""Correlations of uncertain figures: their table, the matrix they make, the copula that applies it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import qmc, spearmanr

import floormodel as fm
from floormodel.correlations import COLUMNS, FILE, NOTHING, Factor, correlated, correlation_matrix, read_correlations
from floormodel.errors import DataError

ROOT = Path(__file__).parents[1]
DATA = ROOT / "src" / "floormodel" / "data"
MINE, METAL = Factor("supply_elasticity_long", "mined"), Factor("supply_elasticity_long", "refined")
SOON, DEMAND = Factor("supply_elasticity_short", "mined"), Factor("demand_elasticity_long", "mined")


def rows(*given: tuple) -> pd.DataFrame:
    """Rows of (variable, good, region, with_variable, with_good, with_region, correlation)."""
    return pd.DataFrame([[*g, g[6], g[6], "assumption", "why"] for g in given], columns=COLUMNS)


def test_a_row_holds_for_all_pairs_it_fits_in_either_order_and_the_first_counts():
    table = rows(("supply_elasticity_short", "mined", "*", "supply_elasticity_long", "same", "same", 0.4),
                 ("supply_elasticity_long", "*", "*", "supply_elasticity_short", "same", "*", 0.9),
                 ("supply_elasticity_long", "*", "*", "supply_elasticity_long", "*", "*", 0.3))
    np.testing.assert_array_equal(correlation_matrix(table, [MINE, METAL, SOON, DEMAND]),
                                  [[1, 0.3, 0.4, 0], [0.3, 1, 0, 0], [0.4, 0, 1, 0], [0, 0, 0, 1]])
    np.testing.assert_array_equal(correlation_matrix(NOTHING, [MINE, METAL]), np.eye(2))
    one = rows(("output0", "refined", "CHN", "secondary0", "same", "same", -0.5))
    pairs = [Factor("output0", "refined", r) for r in ("CHN", "JPN")] + [Factor("secondary0", "refined", r) for r in ("CHN", "JPN")]
    assert correlation_matrix(one, pairs)[np.tril_indices(4, -1)].tolist() == [0, -0.5, 0, 0, 0, 0]


def test_correlations_that_contradict_each_other_are_refused_with_the_smallest_eigenvalue():
    # 1 with 2 and 1 with 3 at 0.9, 2 with 3 at 0: eigenvalues 1 and 1 -/+ 0.9 sqrt(2)
    table = rows(("supply_elasticity_long", "mined", "*", "supply_elasticity_long", "refined", "*", 0.9),
                 ("supply_elasticity_long", "mined", "*", "supply_elasticity_short", "mined", "*", 0.9))
    with pytest.raises(DataError, match=r"smallest eigenvalue of -0\.273"):
        correlation_matrix(table, [MINE, METAL, SOON])


@pytest.mark.parametrize("rho", [-1.0, -0.6, 0.3, 0.9, 1.0])
def test_rank_correlation_is_that_of_the_gaussian_copula(rho):
    """Spearman = 6 / pi arcsin(rho / 2); the margins stay uniform, the number beside it stays bit for bit."""
    uniform = qmc.Sobol(3, rng=np.random.default_rng(1)).random_base2(12)
    matrix = np.array([[1.0, 0.0, rho], [0.0, 1.0, 0.0], [rho, 0.0, 1.0]])
    out = correlated(uniform, matrix)
    np.testing.assert_array_equal(out[:, :2], uniform[:, :2])
    assert spearmanr(out[:, 0], out[:, 2]).statistic == pytest.approx(6 / np.pi * np.arcsin(rho / 2), abs=5e-3)
    assert abs(spearmanr(out[:, 1], out[:, 2]).statistic) < 5e-3
    np.testing.assert_allclose(np.sort(out[:, 2]), (np.arange(4096) + 0.5) / 4096, atol=0.01)
    np.testing.assert_array_equal(correlated(uniform[:7], matrix), out[:7])
    assert np.all(np.isfinite(correlated(np.array([[0.0, 0.0, 0.0]]), matrix)))


def test_the_shipped_rows_have_sources_and_hold_together_in_every_market():
    table = read_correlations()
    known = set(pd.read_csv(DATA / "elasticities" / "sources.csv")["id"])
    assert set(table["source"]) <= known | {"assumption"} and (table["note"].str.len() > 20).all()
    own = [name for name in fm.list_markets() if (DATA / name / FILE).is_file()]
    assert "rare_earths" in own
    assert len(read_correlations(DATA / "rare_earths")) > len(table)
    assert FILE in fm.load_market("rare_earths").hashes and FILE not in fm.load_market("cobalt").hashes


@pytest.mark.parametrize(("kind", "sign"), [("demand", -1), ("supply", 1)])
def test_correlations_of_horizons_are_those_of_the_literature(kind, sign):
    """Medians by study, mineral, region and years that give both horizons; misfiled rows apart."""
    table = pd.read_csv(ROOT / "calibration" / "figures" / "elasticities" / "literature.csv")
    kept = table[(table["kind"] == kind) & table["misfiled"].isna()].fillna({"region": "", "years": ""})
    kept = kept.assign(size=sign * kept["value"])
    pairs = kept.pivot_table(index=["mineral", "study", "region", "years"], columns="horizon", values="size", aggfunc="median")
    both = pairs[["short", "long"]].dropna()
    row = read_correlations().query(f"variable == '{kind}_elasticity_long' and with_good == 'same'").iloc[0]
    assert spearmanr(both["short"], both["long"]).statistic == pytest.approx(row["correlation"], abs=0.05)
    assert f"{len(both)} pairs of {both.reset_index()['study'].nunique()} studies" in row["note"]


@pytest.mark.parametrize(("column", "value", "words"), [
    ("with_variable", "suply_elasticity_long", "did you mean 'supply_elasticity_long'"), ("correlation", "1.2", "1.2"),
    ("low", "", "low <= correlation <= high"), ("source", "", "no source"), ("note", "", "without a reason")])
def test_faulty_rows_are_refused_and_named(tmp_path, column, value, words):
    row = dict(zip(COLUMNS, ["freight", "*", "*", "freight", "*", "*", "0.5", "0.2", "0.8", "assumption", "why"])) | {column: value}
    (tmp_path / FILE).write_text("\n".join([",".join(COLUMNS), ",".join(row.values())]))
    with pytest.raises(DataError) as told:
        read_correlations(tmp_path)
    assert words in str(told.value) and "line 2" in str(told.value)


def test_another_header_is_refused(tmp_path):
    (tmp_path / FILE).write_text("variable,with\nfreight,freight\n")
    with pytest.raises(DataError, match="header variable,with; expected variable,good,region"):
        read_correlations(tmp_path)
