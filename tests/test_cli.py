"""The command line: what it writes, what it says, and the exit code of every ending."""

import errno
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from click.testing import CliRunner

import floormodel as fm
from floormodel import cli
from floormodel.cli import main
from floormodel.report import study_run

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

[[scenario]]
name = "tariff"
[[scenario.policy]]
kind = "import_tariff"
good = "magnet"
importers = ["USA"]
rate = 0.25
"""
ENSEMBLE = "[ensemble]\ndraws = 8\nseed = 7\n"
FILES = {"accounts.csv", "indicators.csv", "results.nc", "run.json", "study.toml", "workbook.xlsx"}


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(STUDY)
    return path


@pytest.fixture(autouse=True)
def no_brief(monkeypatch):
    """Figures take seconds; they are tested in test_study_brief.py and once here."""
    monkeypatch.setattr(study_run, "study_brief", lambda *args: None)
    monkeypatch.setattr(study_run, "write_brief", lambda brief, folder: None)


def call(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


def record(folder):
    return json.loads((folder / "run.json").read_text("utf-8"))


def test_run_writes_a_whole_folder_and_says_where_it_is(study, tmp_path, monkeypatch):
    monkeypatch.undo()
    result = call("run", study, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert {p.name for p in (tmp_path / "out").iterdir()} == FILES | {"brief.html", "figures", "tables"}
    assert f"results: {tmp_path / 'out'}" in result.stdout
    assert "floor" in result.stdout
    assert "tariff" in result.stdout


def test_the_files_hold_what_a_session_computes(study, tmp_path):
    call("run", study, "-o", tmp_path / "out")
    market = fm.load_market("rare_earths")
    floor = fm.PriceFloor(good="ndpr_oxide", members=["USA", "EU27", "JPN"], price=110_000)
    tariff = fm.ImportTariff(good="magnet", importers=["USA"], rate=0.25)
    runs = fm.compare(market, {"floor": [floor], "tariff": [tariff]})
    expected = runs.indicators().to_dataframe()
    table = pd.read_csv(tmp_path / "out" / "indicators.csv", keep_default_na=False, na_values=[""])
    keys = ["scenario", "indicator", "good", "region"]
    both = expected.merge(table, on=keys, suffixes=("", "_file"))
    assert len(both) == len(expected) == len(table)
    for column in ("value", "base", "change"):
        assert np.allclose(both[column], both[f"{column}_file"], rtol=1e-12, equal_nan=True)
    with xr.open_dataset(tmp_path / "out" / "results.nc", engine="scipy") as ds:
        written = ds["price"].sel(scenario="floor", good="ndpr_oxide", region="USA").item()
    price = runs["floor"].dataset["price"].sel(good="ndpr_oxide", region="USA").item()
    assert written == pytest.approx(price, rel=1e-12)
    accounts = pd.read_csv(tmp_path / "out" / "accounts.csv")
    assert accounts["change"].sum() == pytest.approx(runs.accounts()["value"].sum(), rel=1e-9)


def test_the_record_names_versions_inputs_and_checks(study, tmp_path):
    study.write_text(STUDY + ENSEMBLE)
    call("run", study, "-o", tmp_path / "out")
    rec = record(tmp_path / "out")
    assert rec["study"] == {"file": "study.toml", "sha256": hashlib.sha256(study.read_bytes()).hexdigest()}
    data = Path(fm.__file__).parent / "data" / "rare_earths"
    assert {"market.toml", "quantities.csv"} <= set(rec["market"]["sha256"])
    for name, digest in rec["market"]["sha256"].items():
        assert digest == hashlib.sha256((data / name).read_bytes()).hexdigest()
    assert (rec["draws"], rec["seed"], rec["share_converged"]) == (8, 7, 1.0)
    assert rec["scenarios"]["floor"]["policies"][0]["price"] == 110_000
    assert len(rec["checks"]) >= 3
    for check in rec["checks"]:
        sign = {"<=": 1, ">=": -1}[check["operator"]]
        assert sign * check["value"] <= sign * check["threshold"]
        assert check["passed"] is True
    assert rec["versions"]["numpy"] == np.__version__


def test_the_ranges_of_draws_enclose_the_median(study, tmp_path):
    study.write_text(STUDY + ENSEMBLE)
    call("run", study, "-o", tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "indicators.csv").dropna(subset=["change"])
    assert (table["change_low"] <= table["change"]).all()
    assert (table["change"] <= table["change_high"]).all()
    assert (table["change_low"] < table["change_high"]).any()


def test_the_same_study_and_seed_give_the_same_bytes(study, tmp_path):
    study.write_text(STUDY + ENSEMBLE)
    for name in ("one", "two"):
        assert call("run", study, "-o", tmp_path / name).exit_code == 0
    for path in (tmp_path / "one").rglob("*"):
        if path.is_file():
            other = tmp_path / "two" / path.relative_to(tmp_path / "one")
            assert path.read_bytes() == other.read_bytes(), path.name


def test_a_seed_that_was_made_gives_the_same_draws_again(study, tmp_path):
    assert call("run", study, "-o", tmp_path / "one", "--draws", 5).exit_code == 0
    rec = record(tmp_path / "one")
    assert rec["draws"] == 5
    study.write_text(STUDY + f"[ensemble]\ndraws = 5\nseed = {rec['seed']}\n")
    assert call("run", study, "-o", tmp_path / "two").exit_code == 0
    first, second = ((tmp_path / name / "indicators.csv").read_bytes() for name in ("one", "two"))
    assert first == second


def test_draws_on_the_command_line_keep_the_seed_of_the_study(study, tmp_path):
    study.write_text(STUDY + ENSEMBLE)
    call("run", study, "-o", tmp_path / "out", "--draws", 3)
    rec = record(tmp_path / "out")
    assert (rec["draws"], rec["seed"]) == (3, 7)


def test_an_inert_setting_is_named_and_recorded(study, tmp_path):
    study.write_text(STUDY.replace("110_000", "1"))
    result = call("run", study, "-o", tmp_path / "out")
    assert result.exit_code == 0
    assert "InertWarning: price_floor" in result.stderr
    assert any("InertWarning: price_floor" in note for note in record(tmp_path / "out")["notes"])


def test_an_earlier_run_is_kept_unless_told_otherwise(study, tmp_path):
    assert call("run", study, "-o", tmp_path / "out").exit_code == 0
    refused = call("run", study, "-o", tmp_path / "out")
    assert refused.exit_code == 5
    assert "--overwrite" in refused.stderr
    study.write_text(STUDY.replace("A floor", "Another floor"))
    assert call("run", study, "-o", tmp_path / "out", "--overwrite").exit_code == 0
    assert record(tmp_path / "out")["title"] == "Another floor"


@pytest.fixture
def no_solving(monkeypatch):
    def run_study(*args, **kwargs):
        raise AssertionError("solved before the output was checked")

    monkeypatch.setattr(cli, "run_study", run_study)


def test_the_output_is_checked_before_anything_is_solved(study, tmp_path, no_solving):
    (tmp_path / "file").write_text("x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.docx").write_text("x")
    for target, word in (("file", "found a file"), ("file/out", "cannot be made"), ("full", "other things")):
        result = call("run", study, "-o", tmp_path / target, "--overwrite")
        assert result.exit_code == 5, result.output
        assert word in result.stderr
        assert str(tmp_path) in result.stderr
        assert "choose another" in result.stderr
    assert (tmp_path / "full" / "thesis.docx").read_text() == "x"


def test_a_faulty_study_is_refused_before_anything_is_solved_or_made(study, tmp_path, no_solving):
    study.write_text(STUDY.replace("110_000", "-1"))
    result = call("run", study, "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert not (tmp_path / "out").exists()


def test_unsolved_draws_give_exit_code_3_and_are_counted(study, tmp_path, monkeypatch):
    real = cli.run_study

    def run_study(*args, **kwargs):
        runs = real(*args, **kwargs)
        floor = runs["floor"]
        converged = floor.converged.copy()
        converged[2] = False
        solved = replace(floor.solved, solution=replace(floor.solved.solution, converged=converged))
        return replace(runs, runs={**runs.runs, "floor": replace(floor, solved=solved)})

    monkeypatch.setattr(cli, "run_study", run_study)
    study.write_text(STUDY + ENSEMBLE)
    result = call("run", study, "-o", tmp_path / "out")
    assert result.exit_code == 3, result.output
    rec = record(tmp_path / "out")
    assert rec["scenarios"]["floor"]["unsolved_draws"] == [2]
    assert rec["share_converged"] == pytest.approx(15 / 16)
    assert [c["passed"] for c in rec["checks"] if "solved" in c["statistic"]] == [False]


def fails_with(error):
    def write_study(folder, *rest):
        (folder / "half.csv").write_text("half")
        if isinstance(error, signal.Signals):
            os.kill(os.getpid(), error)
        raise error
    return write_study


@pytest.mark.parametrize(("error", "code", "words"), [
    (KeyboardInterrupt(), 130, "interrupted"),
    (signal.SIGTERM, 130, "interrupted"),
    (OSError(errno.ENOSPC, "No space left on device", "results.nc"), 5, "bytes are free"),
    (MemoryError(), 4, "--draws"),
    (ZeroDivisionError("float division by zero"), 4, "internal error: ZeroDivisionError"),
    (fm.ConvergenceError("floor: not solved"), 3, "floor: not solved"),
    (fm.DataError("prices.csv: 1 fault(s)"), 2, "prices.csv"),
], ids=lambda value: getattr(value, "name", type(value).__name__))
def test_every_bad_ending_has_its_exit_code_and_leaves_nothing(study, tmp_path, monkeypatch, error, code, words):
    monkeypatch.setattr(cli, "write_study", fails_with(error))
    handler = signal.getsignal(signal.SIGTERM)
    result = call("run", study, "-o", tmp_path / "out")
    assert result.exit_code == code, result.output
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["study.toml"]
    assert signal.getsignal(signal.SIGTERM) is handler


def test_debug_shows_the_traceback(study, tmp_path, monkeypatch):
    monkeypatch.setattr(cli, "write_study", fails_with(ZeroDivisionError("float division by zero")))
    result = call("run", study, "-o", tmp_path / "out", "--debug")
    assert result.exit_code == 4
    assert "Traceback" in result.stderr
    assert "in write_study" in result.stderr


def test_check_names_what_would_change_nothing(study):
    """A floor in USD/kg where USD/t are meant is valid, and far below every price."""
    study.write_text(STUDY.replace("110_000", "110"))
    result = call("check", study)
    assert result.exit_code == 0 and "no faults" in result.stdout
    assert re.search(r"note: floor: price_floor: floor 110 USD/t is below every benchmark border price \(lowest \d{5}", result.stderr)
    study.write_text(STUDY)
    assert call("check", study).stderr == ""


@pytest.mark.parametrize("words", [
    ["run"], ["run", "study.toml"], ["check"], ["chek", "x"], ["list", "goods"],
    ["run", "study.toml", "-o", "out", "--draws", "0"], ["run", "study.toml", "-o", "out", "--draws", "1e12"],
    ["run", "study.toml", "-o", "out", "--overwirte"],
], ids=" ".join)
def test_a_wrong_command_line_gives_exit_code_2_and_the_usage(words):
    result = call(*words)
    assert result.exit_code == 2
    assert "Usage:" in result.stderr


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["check", "-h"], ["list", "--help"], ["--version"]],
                         ids=" ".join)
def test_help_and_version(words):
    result = call(*words)
    assert result.exit_code == 0
    assert (fm.__version__ if words == ["--version"] else "Usage:") in result.stdout


def test_list_names_every_market_and_every_field_of_every_policy():
    markets = call("list", "markets")
    for name in fm.list_markets():
        market = fm.load_market(name)
        for word in (name, *market.goods, *market.regions):
            assert word in markets.stdout
    policies = call("list", "policies")
    for kind in fm.list_policies():
        assert f"{kind}:" in policies.stdout
    for field in set(fm.PriceFloor.model_fields) - {"kind"}:
        assert field in policies.stdout
    assert markets.exit_code == policies.exit_code == 0


def test_a_terminal_that_has_no_minus_sign_is_no_reason_to_fail(study, tmp_path):
    result = CliRunner(charset="cp1252").invoke(main, ["run", str(study), "-o", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert "results: " in result.stdout


@pytest.mark.slow
def test_ctrl_c_stops_a_run_at_once_and_leaves_nothing(study, tmp_path):
    """In a process of its own, while it solves."""
    words = [sys.executable, "-c", "from floormodel.cli import main; main()", "run", str(study), "-o", str(tmp_path / "out"),
             "--draws", "5000"]
    def heed() -> None:
        """A shell starts jobs in the background deaf to Ctrl-C, and their children with them."""
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heed) as process:
        while b"scenarios" not in process.stderr.read(20):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        try:
            _, errors = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert process.returncode == 130
    assert b"interrupted: nothing was written" in errors
    assert b"Traceback" not in errors
    assert sorted(p.name for p in tmp_path.iterdir()) == ["study.toml"]
