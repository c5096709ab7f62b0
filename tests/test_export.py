"""Exports read back in other programs' readers with the numbers of the run, and come out the same each time."""

import zipfile

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from python_calamine import CalamineWorkbook

import floormodel as fm
from floormodel.report.export import write_indicators_csv
from tests.report_runs import floors_on_oxide


@pytest.fixture(scope="module")
def runs():
    return floors_on_oxide()


def test_excel_reads_back(runs, tmp_path):
    for name in ("a.xlsx", "b.xlsx"):
        runs.to_excel(tmp_path / name)
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()
    book = CalamineWorkbook.from_path(tmp_path / "a.xlsx")
    assert {"read_me", "indicators", "accounts", "prices", "flows", "policies", "sources"} <= set(book.sheet_names)
    rows = book.get_sheet_by_name("indicators").to_python()
    frame = pd.DataFrame(rows[1:], columns=rows[0])
    shown = frame[(frame["scenario"] == "Floor") & (frame["indicator"] == "bloc_output") & (frame["good"] == "magnet")].iloc[0]
    raw = runs.indicators().select("bloc_output", "magnet").query("scenario == 'Floor'")["value"]
    assert (shown["value"], shown["value_high"]) == pytest.approx((raw.median(), raw.quantile(0.95)))
    assert set(frame["scenario"]) == {"Floor", "'=Covered"}
    flows = book.get_sheet_by_name("flows").to_python()
    flows = pd.DataFrame(flows[1:], columns=flows[0])
    into = flows[(flows["scenario"] == "No policy") & (flows["good"] == "magnet") & (flows["destination"] == "JPN")]["flow"].sum()
    drawn = runs.market.dataset["flow0"].sel(good="magnet", destination="JPN")
    assert into == pytest.approx(float(drawn.median("draw").sum()))
    with zipfile.ZipFile(tmp_path / "a.xlsx") as parts:
        assert b"2000-01-01T00:00:00Z" in parts.read("docProps/core.xml")
        assert len([n for n in parts.namelist() if n.startswith("xl/charts/chart")]) == 2
        assert not [n for n in parts.namelist() if n.startswith("xl/worksheets/") and b"<f>" in parts.read(n)]


def test_stata_reads_back(runs, tmp_path):
    for name in ("a.dta", "b.dta"):
        runs.to_stata(tmp_path / name)
    assert (tmp_path / "a.dta").read_bytes() == (tmp_path / "b.dta").read_bytes()
    with pd.read_stata(tmp_path / "a.dta", iterator=True) as reader:
        names, frame = reader.variable_labels(), reader.read()
    assert all(names[c] and len(names[c]) <= 80 and len(c) <= 32 for c in frame.columns)
    row = frame[(frame["scenario"] == "Floor") & (frame["indicator"] == "hhi_high") & (frame["good"] == "magnet")].iloc[0]
    change = runs.indicators().select("hhi_high", "magnet").query("scenario == 'Floor'")["change"]
    assert row["change"] == pytest.approx(change.median(), rel=1e-12)


def test_iamc_table_has_the_columns_and_unique_keys_that_pyam_asks_for(runs, tmp_path):
    table = runs.to_iamc(tmp_path / "iamc.csv")
    assert list(table.columns) == ["model", "scenario", "region", "variable", "unit", "year", "value"]
    assert not table.duplicated(["model", "scenario", "region", "variable", "unit", "year"]).any()
    assert table.notna().all(axis=None) and set(table["year"]) == {2024}
    row = table[(table["scenario"] == "No policy") & (table["region"] == "Japan") & (table["variable"] == "Output|magnets")]
    assert row["value"].item() == pytest.approx(float(runs.market.dataset["output0"].sel(good="magnet", region="JPN").median()))
    read = pd.read_csv(tmp_path / "iamc.csv")
    assert "'=Covered" in set(read["scenario"]) and len(read) == len(table)


def test_netcdf_reads_back_with_its_provenance(runs, tmp_path):
    runs.to_netcdf(tmp_path / "r.nc")
    with xr.open_dataset(tmp_path / "r.nc", engine="scipy") as ds:
        assert list(ds["scenario"].values) == ["Floor", "=Covered"]
        np.testing.assert_array_equal(ds["flow"].sel(scenario="Floor"), runs["Floor"].dataset["flow"])
        np.testing.assert_allclose(ds["no_policy_output"], runs.market.dataset["output0"], rtol=1e-6)
        assert ds.attrs["seed"] == "7" and "price_floor" in ds.attrs["policies"] and ds.attrs["share_converged"] == 1.0
    runs.to_netcdf(tmp_path / "q.nc", quantiles=[0.05, 0.5, 0.95])
    with xr.open_dataset(tmp_path / "q.nc", engine="scipy") as ds:
        expected = runs["Floor"].dataset["output"].median("draw")
        np.testing.assert_allclose(ds["output"].sel(scenario="Floor", quantile=0.5), expected)


def test_indicators_csv_holds_texts_that_no_program_runs(runs, tmp_path):
    frame = pd.read_csv(write_indicators_csv(runs, tmp_path / "i.csv"))
    assert set(frame["scenario"]) == {"Floor", "'=Covered"}
    assert len(frame) == len(runs.indicators().quantiles())


def test_exports_of_one_equilibrium_without_draws(tmp_path):
    market = fm.load_market("rare_earths")
    run = fm.solve(market, [fm.ImportTariff(good="magnet", importers=["USA"], rate=0.25)])
    assert "|5th" not in "".join(run.to_iamc()["variable"])
    run.to_excel(tmp_path / "x.xlsx")
    run.to_netcdf(tmp_path / "x.nc")
    assert "no draws" in " ".join(t.get_text() for t in run.plot.revenue().texts).replace("\n", " ")
