"""What two runs differ in: inputs with their sources, results against hand calculations, from Python, files and run folders."""

import csv
import shutil
from dataclasses import replace
from importlib import resources

import numpy as np
import pytest
from click.testing import CliRunner

import floormodel as fm
from floormodel.cli import main
from floormodel.report.run_folder import write_record
from floormodel.report.study_run import account_table, indicator_table, run_study, study_record
from floormodel.scenario import parse_study, read_study

# One mine, X = p, and one plant, D = 12 - P. Under an export tax of T USD/t: p = X = 6 - T/2.
MARKET = fm.linear_market({"mine": (0, 1)}, {"plant": (12, -1)})
BLOC = ["USA", "EU27", "JPN"]
STUDY = """\
title = "A floor"
market = "rare_earths"
[[scenario]]
name = "floor"
[[scenario.policy]]
kind = "price_floor"
good = "ndpr_oxide"
members = ["USA", "EU27", "JPN"]
price = 110_000
"""


def taxed(levy, market=MARKET, name="scenario", *more):
    return fm.solve(market, [fm.ExportTax(good="good", exporters=["mine"], levy=levy), *more], name=name)


def result(found, name, region, good="good", kind="indicator"):
    f = found.results
    row, = f[(f["name"] == name) & (f["region"] == region) & (f["good"] == good) & (f["kind"] == kind)].to_dict("records")
    return row


def inputs(found, part):
    rows = found.inputs[found.inputs["part"] == part]
    return {(r["name"], r["where"]): (r["old"], r["new"]) for r in rows.to_dict("records")}


def test_two_taxes_by_hand():
    """T = 2 and 4: p = X = 5 and 4; revenue 25 and 16; the tax raises 10 and 16 USD/yr."""
    found = fm.diff(taxed(2.0), taxed(4.0, name="other"))
    assert found.inputs.to_dict("records") == [{
        "part": "policy", "name": "export_tax.levy", "where": "scenario, good", "unit": "", "old": 2.0, "new": 4.0, "old_source": "",
        "new_source": ""}]
    for name, region, kind, old, new in (("price", "mine", "indicator", 5, 4), ("output", "mine", "indicator", 5, 4),
                                         ("producer_revenue", "mine", "indicator", 25, 16), ("flow", "mine to plant", "flow", 5, 4),
                                         ("export_charge", "mine", "account", 10, 16)):
        row = result(found, name, region, kind=kind)
        assert [row[k] for k in ("old", "new", "change", "relative")] == pytest.approx([old, new, new - old, new / old - 1], rel=1e-7)
    sizes = (found.results["change"].abs() / found.results[["old", "new"]].abs().max(axis=1)).to_numpy()
    assert np.all(np.diff(sizes) <= 1e-12)  # the largest first
    assert "dominant_share" not in set(found.results["name"])  # the one mine keeps all of supply
    assert "| policy | export_tax.levy | scenario, good |  | 2 | 4 |  |" in repr(found)
    assert "<td" in found._repr_html_() and "export_tax.levy" in found._repr_html_()


def test_an_account_that_was_nothing_is_a_change_from_zero():
    """An import duty of 1 besides the tax of 2: T = 3, X = 4.5, so the duty raises 4.5; without it the accounts have no such line."""
    found = fm.diff(taxed(2.0), taxed(2.0, MARKET, "scenario", fm.ImportTariff(good="good", importers=["plant"], levy=1.0)))
    row = result(found, "import_duty", "plant", kind="account")
    assert (row["old"], row["new"]) == (0, pytest.approx(4.5, rel=1e-7)) and np.isnan(row["relative"])
    (name, where), (old, new) = next(iter(inputs(found, "policy").items()))
    assert (name, where, old) == ("import_tariff", "scenario, good", None) and "levy = 1.0" in new


def test_the_same_draws_are_compared_draw_by_draw():
    """Demand g (12 - P): p = g (12 - T) / (1 + g), so from T = 2 to 4 the price falls by 2 g / (1 + g): 1, 4/3, 1.5 for g = 1, 2, 3."""
    g = np.array([1.0, 2.0, 3.0])
    drawn = MARKET.replace(demand_shift=np.stack([[[1.0, x]] for x in g]))
    one, other = taxed(2.0, drawn), taxed(4.0, drawn)
    row = result(fm.diff(one, other), "price", "mine")
    fall = -2 * g / (1 + g)
    assert [row[f"change{q}"] for q in ("_q05", "", "_q95")] == pytest.approx(np.quantile(fall, [0.05, 0.5, 0.95]), rel=1e-7)
    assert [row[f"old{q}"] for q in ("_q05", "", "_q95")] == pytest.approx(np.quantile(10 * g / (1 + g), [0.05, 0.5, 0.95]), rel=1e-7)
    apart = fm.diff(one, taxed(4.0, replace(drawn, seed=2)))
    row = result(apart, "price", "mine")
    assert np.isnan(row["change_q05"]) and row["change"] == pytest.approx(-4 / 3, rel=1e-7)
    assert inputs(apart, "setting") == {("seed", ""): (None, 2)} and "not the same ones" in apart.to_markdown()


def test_draws_that_were_not_solved_are_named_and_left_out():
    g = np.array([1.0, 2.0, 3.0])
    drawn = MARKET.replace(demand_shift=np.stack([[[1.0, x]] for x in g]))
    one, other = taxed(2.0, drawn), taxed(4.0, drawn)
    solution = replace(other.solved.solution, converged=np.array([True, True, False]))
    other = replace(other, solved=replace(other.solved, solution=solution))
    found = fm.diff(one, other)
    assert found.notes == ("1 draws of scenario were not solved.",)
    row = result(found, "price", "mine")
    assert row["change"] == pytest.approx(-(1 + 4 / 3) / 2, rel=1e-7)  # the median of the two that are left


def test_nothing_differs():
    floor = [fm.PriceFloor(good="ndpr_oxide", members=BLOC, price=110_000),
             fm.ImportTariff(good="magnet", importers=["USA"], rate=0.25)]
    market = fm.load_market("rare_earths")
    found = fm.diff(fm.solve(market, floor), fm.solve(market, floor[::-1]))
    assert found.same and repr(found) == "No difference.\n" and "No difference" in found._repr_html_()


def test_a_deck_changes_prices_with_their_sources():
    """The tables themselves say what the deck changes: price0 of NdPr oxide at the Chinese gate."""
    def cell(file):
        rows = csv.DictReader((resources.files("floormodel") / "data" / "rare_earths" / file).read_text("utf-8").splitlines())
        row, = (r for r in rows if (r["variable"], r["good"], r["region"]) == ("price0", "magnet", "CHN"))
        return float(row["value"]), row["source"]

    found = fm.diff(fm.load_market("rare_earths"), fm.load_market("rare_earths", deck="2025"))
    rows = found.inputs[(found.inputs["part"] == "figure") & (found.inputs["where"] == "magnet, CHN")]
    row, = rows.to_dict("records")
    assert (row["name"], row["unit"]) == ("price0", "USD/t")
    assert ((row["old"], row["old_source"]), (row["new"], row["new_source"])) == (cell("prices.csv"), cell("prices_2025.csv"))
    assert inputs(found, "setting") == {("deck", ""): (None, "2025")}
    assert [name for name, _ in inputs(found, "input file")] == ["prices_2025.csv"]
    assert found.results.empty and found.notes == ()


def test_figures_changed_by_hand_ranges_and_draws():
    market = fm.load_market("rare_earths")
    by_hand = market.replace(demand_shift=1.1)
    rows = fm.diff(market, by_hand).inputs
    assert set(rows["name"]) == {"demand_shift"} and len(rows) == len(market.goods) * len(market.regions)
    assert set(rows["old_source"]) == {""} and set(rows["new_source"]) == {"not from a table"}
    figures = market.figures.copy()
    at = figures.index[figures["variable"] == "demand_elasticity_long"][0]
    figures.loc[at, "high"] = 9.0
    (key, (old, new)), = inputs(fm.diff(market, replace(market, figures=figures)), "range").items()
    assert key[0] == "demand_elasticity_long" and old != new and new.endswith(" to 9")
    figures.loc[at, ["high", "source"]] = [market.figures.loc[at, "high"], "another"]
    row, = fm.diff(market, replace(market, figures=figures)).inputs.to_dict("records")
    assert (row["part"], row["new_source"]) == ("source", "another") and row["old"] == row["new"]
    drawn = fm.diff(fm.sample(market, 4, seed=1), fm.sample(market, 8, seed=2))
    assert inputs(drawn, "setting") == {("seed", ""): (1, 2), ("draws", ""): (4, 8)} and len(drawn.inputs) == 2


def test_scenarios_are_matched_by_name_and_policies_field_by_field():
    floor, dear = (fm.PriceFloor(good="ndpr_oxide", members=BLOC, price=p) for p in (70_000.0, 80_000.0))
    duty = fm.ImportTariff(good="magnet", importers=["USA"], rate=0.25)
    market = fm.load_market("rare_earths")
    old = fm.compare(market, {"floor": [floor, duty], "duty": [duty]}, bloc=BLOC)
    new = fm.compare(market, {"floor": [dear.model_copy(update={"members": BLOC[::-1]})], "none": []}, bloc=BLOC)
    found = fm.diff(old, new)
    policies = inputs(found, "policy")
    assert policies["price_floor.price", "floor, ndpr_oxide"] == (70_000.0, 80_000.0)
    assert policies["import_tariff", "floor, magnet"][1] is None and len(policies) == 2  # the order of members says nothing
    assert {name: (a is None, b is None) for (name, _), (a, b) in inputs(found, "scenario").items()} == {
        "duty": (False, True), "none": (True, False)}
    assert set(found.results["scenario"]) == {"floor"}


def write_run(folder, text):
    """A run folder as far as `diff` reads it, without the brief."""
    folder.mkdir()
    study = parse_study(text)
    runs = run_study(study, study.load())
    indicator_table(runs).to_csv(folder / "indicators.csv", index=False)
    account_table(runs).to_csv(folder / "accounts.csv", index=False)
    write_record(folder, study_record(study, runs))
    return runs


def test_study_files_and_run_folders(tmp_path):
    for name, price in (("a", "110_000"), ("b", "120_000")):
        text = STUDY.replace("110_000", price) + "[ensemble]\ndraws = 3\nseed = 5\n"
        (tmp_path / f"{name}.toml").write_text(text)
        runs = write_run(tmp_path / name, text)
    change = {("price_floor.price", "floor, ndpr_oxide"): (110_000.0, 120_000.0)}
    files = fm.diff(tmp_path / "a.toml", str(tmp_path / "b.toml"))
    assert inputs(files, "policy") == change and len(files.inputs) == 1 and files.results.empty
    assert fm.diff(read_study(tmp_path / "a.toml"), tmp_path / "a.toml").same
    folders = fm.diff(tmp_path / "a", tmp_path / "b")
    assert inputs(folders, "policy") == change and len(folders.inputs) == 1
    usa = runs["floor"].dataset["price"].sel(good="ndpr_oxide", region="USA").values
    assert result(folders, "price", "USA", "ndpr_oxide")["new"] == pytest.approx(np.median(usa), rel=1e-12)
    assert fm.diff(tmp_path / "b", tmp_path / "b").same
    live = fm.diff(tmp_path / "b", runs)
    assert live.results.empty and live.inputs.empty  # a folder holds what the run held
    record = (tmp_path / "b" / "run.json").read_text()
    shutil.copytree(tmp_path / "b", tmp_path / "c")
    (tmp_path / "c" / "run.json").write_text(record.replace('"scipy": "', '"scipy": "0.'))
    assert list(inputs(fm.diff(tmp_path / "b", tmp_path / "c"), "version")) == [("scipy", "")]
    said = CliRunner().invoke(main, ["diff", str(tmp_path / "a"), str(tmp_path / "b")])
    assert said.exit_code == 0 and "| policy | price_floor.price | floor, ndpr_oxide |  | 110,000 | 120,000 |" in said.output


def test_what_cannot_be_compared_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    for given, words in ((3, "found int"), (tmp_path / "empty", "no readable run"), (tmp_path / "none.toml", "none.toml")):
        with pytest.raises(fm.ScenarioError, match=words):
            fm.diff(given, given)
    found = fm.diff(MARKET, taxed(2.0))
    assert found.notes == ("Only one of the two has results.",) and found.results.empty
