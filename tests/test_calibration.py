"""Balancing, our tables of figures, and the rebuilding of a market from them."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from calibration.__main__ import main
from calibration.figures import Figure, Table, number_text, read_figures, read_sources, write_table
from calibration.latent_cost import entry_cost
from calibration.rare_earths_quantities import book_reexports, oxide_content
from floormodel.balancing import balance, movements
from floormodel.errors import DataError
from floormodel.finance.project import Project
from tests.same_tables import same

DATA = Path(__file__).parents[1] / "src" / "floormodel" / "data"
NAN = float("nan")
HEADER = "figure,region,value,unit,low,high,year,source,note\n"


def random_table(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    table = rng.lognormal(size=(5, 4))
    table[1, 2] = table[3, 0] = 0.0
    return table


def test_without_a_preference_the_balanced_table_is_the_product_of_its_margins() -> None:
    np.testing.assert_allclose(balance(np.ones((2, 2)), [3, 7], [4, 6]), [[1.2, 1.8], [2.8, 4.2]], rtol=1e-12)


def test_balancing_keeps_odds_ratios_and_meets_the_margins() -> None:
    prior = np.array([[5.0, 1.0], [2.0, 3.0]])
    out = balance(prior, [10, 20], [12, 18])
    np.testing.assert_allclose(out.sum(1), [10, 20], rtol=1e-12)
    np.testing.assert_allclose(out.sum(0), [12, 18], rtol=1e-12)
    assert out[0, 0] * out[1, 1] / (out[0, 1] * out[1, 0]) == pytest.approx(5 * 3 / (1 * 2), rel=1e-10)


@pytest.mark.parametrize("seed", range(5))
def test_balancing_a_balanced_table_changes_nothing_and_zeros_stay(seed: int) -> None:
    table = random_table(seed)
    out = balance(table, table.sum(1), table.sum(0))
    np.testing.assert_allclose(out, table, rtol=1e-11)
    moved = balance(table, table.sum(1) * [2, 1, 1, 1, 1], table.sum(0) + table[0].sum() / 4)
    assert moved[1, 2] == 0 and moved[3, 0] == 0
    np.testing.assert_allclose(balance(moved, moved.sum(1), moved.sum(0)), moved, rtol=1e-11)


def test_no_table_with_the_same_margins_is_nearer_in_cross_entropy() -> None:
    prior, rng = random_table(7), np.random.default_rng(1)
    rows = prior.sum(1) * [1.5, 0.7, 1.0, 1.2, 0.9]
    columns = prior.sum(0) / prior.sum() * rows.sum()
    out = balance(prior, rows, columns)

    def distance(x: np.ndarray) -> float:
        held = prior > 0
        return float(np.sum(x[held] * np.log(x[held] / prior[held])))

    for _ in range(20):
        i, k, j, m = 0, 4, *rng.choice(4, 2, replace=False)
        step = np.zeros_like(out)
        step[i, j] = step[k, m] = 1e-3 * rng.choice([-1, 1])
        step[i, m] = step[k, j] = -step[i, j]
        assert distance(out + step) > distance(out)


@pytest.mark.parametrize(("prior", "rows", "columns", "names"), [
    ([[1, -1], [1, 1]], [1, 1], [1, 1], "cell [a, y]"),
    ([[1, 1], [1, NAN]], [1, 1], [1, 1], "cell [b, y]"),
    ([[1, 1], [1, 1]], [1, -1], [0, 0], "row total [b]"),
    ([[1, 1], [1, 1]], [1, 1], [NAN, 1], "column total [x]"),
    ([[1, 1], [0, 0]], [1, 1], [1, 1], "row [b]"),
    ([[1, 0], [1, 0]], [1, 1], [1, 1], "column [y]"),
    ([[1, 1], [1, 1]], [1, 1], [1, 2], "totals"),
    ([[1, 0], [1, 1]], [3, 1], [1, 3], "[a]"),
])
def test_a_table_that_cannot_be_balanced_names_the_cell(prior: list, rows: list, columns: list, names: str) -> None:
    with pytest.raises(DataError) as caught:
        balance(prior, rows, columns, ["a", "b"], ["x", "y"], "ore")
    assert names in str(caught.value) and "ore" in str(caught.value)


def test_movements_report_every_figure_and_how_far_it_went() -> None:
    moves = movements(np.array([[4.0, 0.0], [0.0, 2.0]]), np.array([[5.0, 0.0], [1.0, 2.0]]), ["a", "b"], ["x", "y"],
                      "flow0[ore", "why")
    assert [m.figure for m in moves] == ["flow0[ore, a, x]", "flow0[ore, b, x]", "flow0[ore, b, y]"]
    assert moves[0].relative == pytest.approx(0.25) and math.isnan(moves[1].relative) and moves[2].relative == 0


def test_reexports_are_booked_to_where_the_goods_came_from() -> None:
    # A makes 100 and sells 60 to the hub H, which makes nothing, uses 20 and sells 40 to B
    flow = np.array([[0.0, 60.0, 0.0], [0.0, 0.0, 40.0], [0.0, 0.0, 0.0]])
    out = book_reexports(flow, np.array([100.0, 0.0, 0.0]), np.array([40.0, 20.0, 40.0]))
    np.testing.assert_allclose(out, [[0, 20, 40], [0, 0, 0], [0, 0, 0]], atol=1e-9)


def test_a_hub_that_makes_what_it_sells_is_left_alone() -> None:
    flow = np.array([[0.0, 10.0, 0.0], [0.0, 0.0, 30.0], [0.0, 0.0, 0.0]])
    np.testing.assert_array_equal(book_reexports(flow, np.array([10.0, 30.0, 0.0]), np.array([0.0, 10.0, 30.0])), flow)


def figure_table(**values: float) -> Table:
    return Table("t", {tuple(k.split("__")): Figure(v, "u", NAN, NAN, "2024", "s", "") for k, v in values.items()})


def test_the_oxide_in_a_customs_flow_follows_its_unit_value() -> None:
    prices = Table("p", {("oxide_price", "", "2024"): Figure(55, "USD/kg", NAN, NAN, "2024", "s", "")})
    made = figure_table(other_compound_price=5, mischmetal_price=5, metal_over_oxide=1.2, oxide_per_element=1.1)
    assert oxide_content(made, prices, "compounds", 5500, 100) == pytest.approx(100)
    assert oxide_content(made, prices, "compounds", 3000, 100) == pytest.approx(50)
    assert oxide_content(made, prices, "compounds", 100, 100) == 0
    assert oxide_content(made, prices, "metals", 6600, 100) == pytest.approx(110)  # metal at 66 USD/kg is all NdPr


def plant(**changes: float) -> Project:
    bare = Project("plant", "ore", "CHN", "refining", capex=1000.0, opex=50.0, life=12, build_years=1, hurdle=0.07)
    return replace(bare, **changes)


def test_a_plant_without_tax_or_delay_enters_at_running_cost_plus_annuity() -> None:
    cost = entry_cost(plant(capex=1e6), 300.0, "2024")
    assert cost.value == pytest.approx(50 + 1e6 * 0.07 / (1 - 1.07**-12), abs=0.5)
    assert (cost.low, cost.high) == (cost.value, cost.value)  # nothing is drawn
    half = entry_cost(plant(capex=1e6, utilisation=0.5), 300.0, "2024")
    assert half.value == pytest.approx(50 + 2e6 * 0.07 / (1 - 1.07**-12), abs=0.5)


def test_the_range_of_a_plant_is_that_of_its_drawn_costs() -> None:
    # opex alone is uncertain, triangular between 0 and 100 000, mode in the middle: 5 and 95 % stand sqrt(0.05 / 2) of
    # the width from the ends; the standard error of such a quantile of 10 000 draws is 345
    cost = entry_cost(plant(opex=5e4, ranges={"opex": (0.0, 1e5)}), 0.0, "2024")
    off = 1e5 * (0.05 / 2) ** 0.5
    fixed = 1000 * 0.07 / (1 - 1.07**-12)
    assert cost.low == pytest.approx(fixed + off, abs=4 * 345)
    assert cost.high == pytest.approx(fixed + 1e5 - off, abs=4 * 345)


def write(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def test_all_faults_of_a_table_of_figures_come_at_once(tmp_path: Path) -> None:
    table = write(tmp_path / "t.csv", HEADER + 'ore,CHN,"1,000",t,,,2024,usgs,\nore,USA,5,,,,2024,usgs,\n'
                  "ore,AUS,5,t,6,7,2024,usgs,\nore,MMR,5,t,,,2024,ugss,\nore,IND,5,t,,,2024,assumption,why\n"
                  "ore,VNM,,t,,,x,usgs,\nore,BRA,inf,t,1,,2024,usgs,\nore,CHN,1,t,,,2024,usgs,\n")
    with pytest.raises(DataError) as caught:
        read_figures(table, ["usgs"], ["figure", "region"])
    text = str(caught.value)
    for part in ("1,000", "no unit", "6 <= 5 <= 7", "did you mean 'usgs'", "an assumption without range",
                 "the same key", "a year", "one end of a range", "inf"):
        assert part in text, part


def test_the_code_of_namibia_is_text(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", HEADER + "ore,NA,5,t,,,2024,usgs,\n")
    table = read_figures(path, ["usgs"], ["figure", "region"])
    assert table.value("ore", "NA") == 5


def test_a_missing_figure_or_header_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", HEADER + "ore,CHN,5,t,,,2024,usgs,\n")
    table = read_figures(path, ["usgs"], ["figure", "region"])
    with pytest.raises(DataError, match="no figure 'ore CHM'; did you mean 'ore CHN'"):
        table.value("ore", "CHM")
    with pytest.raises(DataError, match="expected figure,value"):
        read_figures(tmp_path / "t.csv", ["usgs"], ["figure"])


def test_a_source_without_an_address_is_a_fault(tmp_path: Path) -> None:
    text = "id,title,publisher,year,address,licence,note\na,T,P,2024,,free,\na,T,P,2024,http://x,free,\n"
    with pytest.raises(DataError) as caught:
        read_sources(write(tmp_path / "s.csv", text))
    assert "line 2, address" in str(caught.value) and "given twice" in str(caught.value)


@pytest.mark.parametrize("value", [0.1, 1 / 3, 53388.05009999999, 2e-17, 1e20, -5.0, 7.0, 123456789012.5])
def test_written_numbers_read_back_the_same(value: float) -> None:
    assert float(number_text(value)) == value
    assert number_text(NAN) == ""


def test_tables_have_unix_line_ends(tmp_path: Path) -> None:
    write_table(tmp_path / "t.csv", ["a", "b"], [["1", 'x, "y"']])
    assert (tmp_path / "t.csv").read_bytes() == b'a,b\n1,"x, ""y"""\n'
    with (tmp_path / "t.csv").open(newline="") as handle:
        assert list(csv.reader(handle))[1] == ["1", 'x, "y"']


def test_the_shipped_rare_earths_tables_are_what_the_figures_give(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["rare_earths", "-o", str(tmp_path)])
    assert result.exit_code == 0, result.output
    built = sorted((tmp_path / "rare_earths").iterdir())
    assert {p.name for p in built} >= {"market.toml", "quantities.csv", "prices.csv", "prices_2025.csv", "wedges.csv",
                                       "parameters.csv", "latent.csv", "sources.csv", "balance_report.csv"}
    for path in built:
        assert same(path, DATA / "rare_earths" / path.name), path.name


def test_an_unknown_market_is_refused() -> None:
    result = CliRunner().invoke(main, ["unobtainium"])
    assert result.exit_code == 2 and "rare_earths" in result.output
