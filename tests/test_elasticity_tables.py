"""Tables of elasticities: the literature's rows, the priors, own estimates, markets beside them, the chart and the document."""

from __future__ import annotations

import doctest
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from matplotlib.colors import to_hex

import floormodel as fm
from calibration.__main__ import main
from calibration.elasticities import literature, own, priors, series, shipped
from floormodel.errors import DataError
from floormodel.report.elasticity_chart import Tables, elasticity_forest, load_elasticities
from floormodel.report.style import BLUE, VERMILLION
from tests.same_tables import same

ROOT = Path(__file__).parents[1]
DATA = Path(fm.__file__).parent / "data"
SHIPPED = DATA / "elasticities"
FIGURES = ROOT / "calibration" / "figures" / "elasticities"
DOCUMENT = (ROOT / "docs" / "elasticities.md").read_text("utf-8")
PRIORS = pd.read_csv(SHIPPED / "priors.csv", keep_default_na=False)
OWN = pd.read_csv(SHIPPED / "own_estimates.csv", keep_default_na=False, na_values=[""])
STUDIES = pd.read_csv(SHIPPED / "studies.csv")


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("built")
    result = CliRunner().invoke(main, ["elasticities", "-o", str(out)])
    assert result.exit_code == 0, result.output
    return out / "elasticities"


def test_the_command_rebuilds_every_table_byte_for_byte(rebuilt: Path) -> None:
    names = sorted(path.name for path in SHIPPED.iterdir())
    assert names == sorted(path.name for path in rebuilt.iterdir()) and len(names) == 8
    for name in names:
        assert same(rebuilt / name, SHIPPED / name), f"{name}: run python -m calibration elasticities"


def rows(*given: tuple) -> pd.DataFrame:
    """A literature table from (kind, value, study, listing, material, misfiled)."""
    full = [["tin", kind, "short", value, study, "", "", "", "", listing, material, misfiled, "glombo", "", ""]
            for kind, value, study, listing, material, misfiled in given]
    return pd.DataFrame(full, columns=literature.COLUMNS)


def test_what_is_left_out_and_what_is_not() -> None:
    extract, sheet = literature.LISTINGS
    table = rows(
        ("demand", "-0.5", "A", extract, "", ""), ("demand", "-0.501", "A", sheet, "", ""),  # the same figure again
        ("demand", "-0.501", "A", sheet, "", ""),  # once more: its first has been matched
        ("demand", "0.2", "A", extract, "", ""), ("demand", "-0.5", "B", sheet, "", ""),  # wrong sign; another study
        ("supply", "-0.3", "A", extract, "", "demand"), ("supply", "0.4", "A", extract, "secondary", ""),
        ("supply", "0.3", "A", extract, "", ""), ("supply", "-0.1", "A", extract, "", ""))
    marked = literature.marked(table)
    assert list(marked["use"]) == ["kept", "repeated", "kept", "kept", "kept", "mis-filed", "secondary material", "kept", "kept"]
    effects = literature.study_effects(marked[marked["use"] == "kept"]).set_index(["kind", "study"])
    assert effects.loc[("demand", "A"), "value"] == pytest.approx((0.5 + 0.501 - 0.2) / 3)
    assert effects.loc[("demand", "A"), "n"] == 3
    assert effects.loc[("supply", "A"), "value"] == pytest.approx(0.1)
    errors = literature.assumed_error(effects.reset_index(), 2.0)
    assert errors["demand", "short"] == pytest.approx((0.267 + 0.5) / 2 / 2, abs=1e-9)


def test_faults_of_the_literature_table_all_at_once() -> None:
    table = rows(("demnd", "-0.5", "A", "extract", "", ""), ("supply", "much", "", "study sheet", "scrap", ""))
    table.loc[1, "source"] = "glomb"
    with pytest.raises(DataError) as caught:
        literature.check(table, "literature.csv", ["glombo"])
    for words in ("6 fault(s)", "line 2, kind: found demnd", "line 2, listing: found extract", "line 3, value: found much",
                  "line 3, study: found nothing", "line 3, material: found scrap", "line 3, source: found glomb", "'glombo'"):
        assert words in str(caught.value), words
    with pytest.raises(DataError, match=r"header .*expected mineral,kind,horizon"):
        literature.check(table.drop(columns="row"), "literature.csv", ["glombo"])


def test_kept_rows_are_the_documents_and_the_misfiled_ones_of_banks_stand_as_demand() -> None:
    table = priors.read()
    counts = table["use"].value_counts()
    for use in ("mis-filed", "repeated", "secondary material"):
        assert f"| {use} | {counts[use]} |" in DOCUMENT
    assert f"Of the {len(table)} rows {counts['kept']} are pooled" in DOCUMENT
    banks = table[table["study"] == "Banks (1974)"]
    moved = banks[banks["use"] == "mis-filed"]
    demand = banks[(banks["kind"] == "demand") & (banks["use"] == "kept")]
    assert sorted(moved["value"]) == sorted(demand["value"]) and len(moved) == 15
    kept = table[table["use"] == "kept"]
    for kind, sign in (("demand", -1), ("supply", 1)):
        here = kept.loc[kept["kind"] == kind, "value"]
        assert f"{(sign * here < 0).sum()} of {len(here)} for {kind}" in DOCUMENT
    texts = []
    for uses in (["kept"], ["kept", "mis-filed"]):
        found = priors.pools(literature.study_effects(table[table["use"].isin(uses)]))[priors.ALL, "supply", "short"]
        low, value, high = found.quantile(priors.TAILS, above=0.0)
        texts.append(f"{value:.2f} ({low:.2f} to {high:.2f})")
    assert f"from {texts[0]} to {texts[1]}" in DOCUMENT


def test_every_market_has_a_prior_of_each_kind_and_horizon() -> None:
    table = PRIORS.set_index(["mineral", "kind", "horizon"])
    numbers = table[["value", "low", "high", "mean", "predictive_low", "predictive_high"]].astype(float)
    assert ((0 < numbers["low"]) & (numbers["low"] < numbers["value"]) & (numbers["value"] < numbers["high"])).all()
    for market in {*priors.MARKETS, *fm.list_markets()}:
        for kind in literature.KINDS:
            short, long = (numbers.loc[(market, kind, horizon), "value"] for horizon in ("short", "long"))
            assert 0 < short < long, (market, kind)
    own_literature = table["status"] == priors.OWN
    assert (table.loc[own_literature, "studies"].astype(int) >= priors.FEWEST).all()
    assert (table.loc[~own_literature, "note"] != "").all()
    pool = numbers.loc[priors.ALL]
    for key in table.index[~own_literature]:
        assert (numbers.loc[key] == pool.loc[key[1:]]).all(), key
    assert (~own_literature).loc["gallium"].all() and own_literature.loc[("copper", "demand")].all()


def test_a_prior_is_the_pool_of_its_studies() -> None:
    """Copper, demand, long: with one standard error s for all, mean and error are plain, tau^2 = S^2 - s^2."""
    effects = STUDIES[(STUDIES["kind"] == "demand") & (STUDIES["horizon"] == "long")]
    copper = effects.loc[effects["mineral"] == "copper", "value"]
    error = effects["value"].abs().median() / 2
    row = PRIORS[(PRIORS["mineral"] == "copper") & (PRIORS["kind"] == "demand") & (PRIORS["horizon"] == "long")].iloc[0]
    assert float(row["mean"]) == pytest.approx(copper.mean(), abs=1e-3)
    assert float(row["error"]) == pytest.approx(copper.std() / np.sqrt(len(copper)), abs=1e-3)
    assert float(row["tau"]) == pytest.approx(np.sqrt(copper.var() - error**2), abs=1e-3)
    assert int(row["studies"]) == len(copper)


def test_a_prior_as_a_figure_of_a_market() -> None:
    table = priors.priors(priors.read())
    found = priors.figure("copper", "supply", "short", table)
    row = PRIORS[(PRIORS["mineral"] == "copper") & (PRIORS["kind"] == "supply") & (PRIORS["horizon"] == "short")].iloc[0]
    assert (found.value, found.low, found.high) == tuple(float(row[c]) for c in ("value", "low", "high"))
    assert (found.unit, found.source) == ("1", "glombo") and "3 studies" in found.note
    with pytest.raises(DataError, match="did you mean 'copper supply short'"):
        priors.figure("coper", "supply", "short", table)


def yearly_table() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ten years of tin from two sources of output, and two countries."""
    rows = [["tin", "world_output", y, 100.0 * 1.1 ** (y - 2000), "t/yr", "a" if y < 2005 else "b"] for y in range(2000, 2010)]
    rows += [["tin", "price", y, 10.0 * 1.2 ** (y - 2000), "USD/t", "p"] for y in range(2000, 2010)]
    rows += [["", name, y, v * g ** (y - 2000), "1", "w"] for name, v, g in (("world_gdp", 5.0, 1.03), ("us_cpi", 2.0, 1.02))
             for y in range(2000, 2010)]
    outputs = [["tin", c, y, v, "t/yr", "b"] for c, values in (("AAA", (60, 66)), ("BBB", (30, 30)), ("CCC", (0, 10)))
               for y, v in zip((2000, 2001), values)]
    return (pd.DataFrame(rows, columns=series.COLUMNS["series"]), pd.DataFrame(outputs, columns=series.COLUMNS["country_output"]))


def test_changes_count_within_one_source_and_prices_are_real() -> None:
    found = series.yearly(*yearly_table(), "tin")
    assert list(found.index[found["dq"].isna()]) == [2000, 2005] == list(found.index[found["dp"].isna()])
    assert found["dq"].dropna().to_numpy() == pytest.approx([np.log(1.1)] * 8)
    assert found["dp"].dropna().to_numpy() == pytest.approx([np.log(1.2 / 1.02)] * 8)
    assert found["dg"].dropna().to_numpy() == pytest.approx([np.log(1.03)] * 9)  # GDP has one source
    assert found.loc[2001, "z"] == pytest.approx(60 / 90 * np.log(1.1) - np.log(1.1) / 2)  # CCC had no output to grow from
    assert found.drop(2001)["z"].isna().all()
    with pytest.raises(DataError, match="no mineral 'tinn'; did you mean 'tin'"):
        series.yearly(*yearly_table(), "tinn")


def test_faults_of_the_series_all_at_once(tmp_path: Path) -> None:
    header = ",".join(series.COLUMNS["series"])
    (tmp_path / "series.csv").write_text(f"{header}\ntin,price,2000,-1,USD/t,a\ntin,price,2000,5,,a\ntin,price,200,5,USD/t,aa\n")
    with pytest.raises(DataError) as caught:
        series.read(tmp_path, "series", ["a"])
    for words in ("5 fault(s)", "line 2, value: found -1", "line 3, unit: found nothing", "line 3, the row: found tin price 2000",
                  "line 4, year: found 200", "line 4, source: found aa"):
        assert words in str(caught.value), words


def simulated(seed: int, years: int = 250) -> pd.DataFrame:
    """A market with supply elasticity 0.4 and demand elasticity 0.6, moved by GDP and by shocks of large countries."""
    generator = np.random.default_rng(seed)
    dg, z, e, u = generator.normal(size=(4, years)) * np.array([[0.02], [0.02], [0.01], [0.01]])
    dp = (1.5 * dg + u - z - e) / (0.4 + 0.6)
    dq = 0.4 * dp + z + e
    table = pd.DataFrame({"dq": dq, "dp": dp, "dg": dg, "z": z}, index=pd.RangeIndex(1000, 1000 + years))
    return table.assign(**{c: table[f"d{c}"].cumsum() for c in "qpg"}, piece=1)


def test_own_estimates_find_both_curves_of_a_simulated_market() -> None:
    found = own.estimates("tin", simulated(1), (0.2, 0.4, 0.8))
    by = found.set_index(["kind", "horizon", "method"])
    for kind, truth in (("supply", 0.4), ("demand", 0.6)):
        row = by.loc[(kind, "short", "IV")]
        assert abs(row["value"] - truth) < 3 * row["error"] < 0.3 and row["effective_f"] > 50 and "weak" not in row["note"]
        assert abs(by.loc[(kind, "short", "OLS"), "value"] - truth) > 5 * by.loc[(kind, "short", "OLS"), "error"]
        low, high = (float(v) for v in row["anderson_rubin"].split(" to "))
        assert low < row["value"] < high
    pairs = by.loc[("demand", "short", "VAR pairs")]
    assert pairs["low"] < pairs["value"] < pairs["high"]
    assert set(found["method"]) >= {"partial adjustment", "local projection, 0 years", "local projection, 5 years", "stochastic trend"}
    assert own.estimates("tin", simulated(1, years=14), (0.2, 0.4, 0.8)).empty


def test_weak_instruments_and_wrong_signs_are_said() -> None:
    assert len(OWN) > 90 and set(OWN["mineral"]) == set(pd.read_csv(FIGURES / "series.csv")["mineral"].dropna())
    assert (OWN["note"].fillna("").str.contains("wrong sign") == (OWN["value"] < 0)).all()
    instrumented = OWN[OWN["method"] == "IV"]
    assert (instrumented["note"].str.contains("weak instruments") == (instrumented["effective_f"] < own.STRONG)).all()
    assert instrumented["anderson_rubin"].notna().all() and OWN.loc[OWN["method"] != "IV", "anderson_rubin"].isna().all()


def test_markets_beside_their_priors(tmp_path: Path) -> None:
    (tmp_path / "tin").mkdir()
    (tmp_path / "tin" / "market.toml").write_text('goods = ["mined", "refined"]\n')
    (tmp_path / "tin" / "parameters.csv").write_text(
        "variable,good,region,partner,value,unit,low,high,year,source,note\n"
        "supply_elasticity_short,mined,*,,0.1,1,0.05,0.2,2024,a,slow\nsupply_elasticity_short,refined,*,,9,1,8,10,2024,a,\n"
        "demand_elasticity_short,refined,A,,0.6,1,0.5,0.7,2024,a,n\ndemand_elasticity_short,refined,B,,0.8,1,0.6,0.9,2024,b,n\n")
    known = pd.DataFrame([["tin", "supply", "short", 0.2, 0.15, 0.3, "x"], ["tin", "demand", "short", 0.2, 0.1, 0.65, "x"]],
                         columns=["mineral", "kind", "horizon", "value", "low", "high", "status"])
    found = shipped.compared(tmp_path, known).set_index("kind")
    assert found.loc["supply", ["good", "value", "place", "note"]].tolist() == ["mined", "0.1", "below", "slow"]
    assert found.loc["demand", ["value", "low", "high", "place", "source"]].tolist() == ["0.7", "0.5", "0.9", "above", "a; b"]


def test_the_document_lists_every_shipped_elasticity_outside_its_prior() -> None:
    table = pd.read_csv(SHIPPED / "shipped.csv")
    assert set(table["market"]) == set(fm.list_markets()) & set(priors.MARKETS)
    outside = table[table["place"] != "inside"]
    starts = tuple(f"| {market} |" for market in set(table["market"]))
    lines = [line for line in DOCUMENT.splitlines() if line.startswith(starts) and line.count("|") == 6]
    assert len(lines) == len(outside)
    for row in outside.to_dict("records"):
        numbers = f"| {row['value']:.2f} | {row['prior_low']:.2f} to {row['prior_high']:.2f} |"
        words = (f"| {row['market']} ", f"{row['kind']}, {row['horizon']}", numbers)
        assert any(all(word in line for word in words) for line in lines), words
    assert outside["note"].notna().all() and (outside["place"] == "above").all()
    assert f"Of the {len(table)} figures {len(table) - len(outside)} lie" in " ".join(DOCUMENT.split())


def test_the_document_says_which_markets_rest_on_judgement() -> None:
    table = pd.read_csv(SHIPPED / "shipped.csv")
    assert len(table) == 4 * table["market"].nunique() == 4 * 13
    taken = np.isclose(table["value"], table["prior"], rtol=0.005) & (table["source"] == "glombo")
    count = taken.groupby(table["market"]).sum()
    kinds = table[taken].groupby("market")["kind"].agg(set)
    names = {size: ", ".join(m.replace("_", " ") for m in sorted(count.index[count == size])) for size in (4, 2, 0)}
    assert all(kinds[m] == {"demand"} for m in count.index[count == 2]) and set(count) == {4, 2, 0}
    for size, start in ((4, "four figures"), (2, "demand alone"), (0, "rest on judgement")):
        assert f"{start} ({names[size]})" in " ".join(DOCUMENT.split()), (start, names[size])
    own_literature = set(table.loc[taken & (table["status"] == priors.OWN), "market"])
    assert own_literature == {"copper", "aluminium"}


def test_the_documents_tables_are_the_shipped_ones() -> None:
    table = PRIORS[((PRIORS["status"] == priors.OWN) | (PRIORS["mineral"] == priors.ALL)) & (PRIORS["horizon"] != "static")]
    for row in table.to_dict("records"):
        value, low, high, mean, tau, i2, wrong = (float(row[c]) for c in ("value", "low", "high", "mean", "tau", "i2", "wrong_sign_share"))
        line = (f"| {row['mineral']} | {row['kind']} | {row['horizon']} | {value:.2f} | {low:.2f} to {high:.2f} | {mean:.2f} | {tau:.2f} | "
                f"{i2:.0%} | {row['studies']} | {row['rows']} | {wrong:.0%} |")
        assert line in DOCUMENT, line
    for row in OWN[OWN["method"] == "IV"].to_dict("records"):
        line = (f"| {row['mineral']} | {row['kind']} | {row['value']:.2f} ({row['error']:.2f}) | {row['anderson_rubin']} | "
                f"{row['effective_f']:.1f} | {row['sargan_p']:.2f} | {row['years']} |")
        assert line in DOCUMENT, line
    assert f"Of the {len(OWN)} estimates {(OWN['value'] < 0).sum()} have a wrong sign" in DOCUMENT


def test_the_worked_example_runs_as_printed() -> None:
    outcome = doctest.testfile(str(ROOT / "docs" / "elasticities.md"), module_relative=False, encoding="utf-8")
    assert outcome.failed == 0 and outcome.attempted > 15


@pytest.mark.parametrize(("mineral", "kind"), [("copper", "demand"), ("gallium", "supply")])
def test_the_chart_shows_every_study_and_every_own_estimate(mineral: str, kind: str) -> None:
    studies, own_rows = (t[(t["mineral"] == mineral) & (t["kind"] == kind)] for t in (STUDIES, OWN))
    figure = elasticity_forest(mineral, kind)
    (axes,) = figure.axes
    points = {colour: [line for line in axes.lines if to_hex(line.get_color()).upper() == colour and line.get_marker() == marker]
              for colour, marker in ((BLUE, "o"), (VERMILLION, "s"))}
    assert sorted(line.get_xdata()[0] for line in points[BLUE]) == sorted(studies["value"])
    assert len(points[VERMILLION]) == len(own_rows)
    hollow = [line for line in points[VERMILLION] if line.get_markerfacecolor() == "white"]
    assert len(hollow) == own_rows["note"].fillna("").str.contains("weak instruments").sum()
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert set(studies["study"]) <= set(labels)
    shared = not studies[studies["horizon"] == "short"]["study"].nunique() >= priors.FEWEST
    assert labels.count("Prior, pooled across metals") == (2 if shared else 0)
    assert "(unit: 1)" in axes.get_xlabel() and any("Source: " in text.get_text() for text in figure.texts)
    pooled = [line for line in axes.lines if line.get_marker() == "D"]
    means = PRIORS[(PRIORS["mineral"] == mineral) & (PRIORS["kind"] == kind)]["mean"].astype(float)
    assert {round(line.get_xdata()[0], 4) for line in pooled} <= set(means.round(4))


def test_bars_that_leave_the_axis_end_in_an_arrow_and_unknown_names_are_told() -> None:
    tables = load_elasticities()
    wide = tables.own[(tables.own["mineral"] == "copper") & (tables.own["method"] == "IV")].assign(low=-50.0, high=50.0, value=0.0)
    figure = elasticity_forest("copper", "supply", Tables(tables.studies, tables.priors, wide))
    marks = [line.get_marker() for line in figure.axes[0].lines]
    assert marks.count("<") == 1 and marks.count(">") == 1
    with pytest.raises(DataError, match="did you mean 'copper'"):
        elasticity_forest("coper", "supply")
    with pytest.raises(DataError, match="did you mean 'supply'"):
        elasticity_forest("copper", "suply")
