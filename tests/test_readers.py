"""Importing the agencies' files: the long table, its manifest, the command; nothing half-written, every fault at once."""

from __future__ import annotations

import csv
import sys
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from calibration.__main__ import main
from calibration.readers.importing import import_files, read_files
from calibration.readers.long_table import COLUMNS, FLAGS, read_long
from calibration.readers.manifest import sha256
from floormodel.errors import DataError
from tests.upstream_files import iea_workbook, records, world


def test_86_a_file_that_has_changed_is_refused_until_it_is_accepted(tmp_path: Path) -> None:
    path, out = world(tmp_path), tmp_path / "out" / "cobalt.csv"
    count, warned = import_files("usgs-mcs", [path], out, today=date(2026, 1, 2))
    assert (count, warned) == (12, []) and len(read_long(out)) == 12
    manifest = out.with_name("manifest.csv")
    row = next(csv.DictReader(manifest.open()))
    assert row == {"file": path.name, "sha256": sha256(path), "source": "usgs-mcs", "date": "2026-01-02", "table": out.name}
    before, first = out.read_bytes(), manifest.read_bytes()
    import_files("usgs-mcs", [path], out, today=date(2026, 3, 4))
    assert out.read_bytes() == before and manifest.read_bytes() == first  # an unchanged file keeps its day
    world(tmp_path, (",650,", ",660,"))
    with pytest.raises(DataError, match="E315"):
        import_files("usgs-mcs", [path], out)
    assert out.read_bytes() == before and manifest.read_bytes() == first
    import_files("usgs-mcs", [path], out, accept=True, today=date(2026, 3, 4))
    assert next(csv.DictReader(manifest.open()))["date"] == "2026-03-04"


def test_all_faults_of_all_files_at_once_and_nothing_half_written(tmp_path: Path) -> None:
    first = world(tmp_path, (",650,", ",1 200,"), ("Other countries", "Atlantis"))
    second = world(tmp_path, (",119000,", ",Q,"), name="mcs2023-nicke_world.csv")
    out = tmp_path / "out" / "table.csv"
    with pytest.raises(DataError) as caught:
        import_files("usgs-mcs", [first, second, tmp_path / "absent.csv"], out)
    text = str(caught.value)
    for code, name in (("E304", first.name), ("E308", first.name), ("E301", second.name), ("E303", second.name), ("E312", "absent.csv")):
        assert f"{code} " in text and name in text
    assert not out.exists() and not (tmp_path / "out").exists()


def test_a_failed_write_leaves_the_old_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, out = world(tmp_path), tmp_path / "out" / "cobalt.csv"
    import_files("usgs-mcs", [path], out)
    before = out.read_bytes()

    def full(*args: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("calibration.readers.long_table.os.replace", full)
    with pytest.raises(OSError, match="no space left"):
        import_files("usgs-mcs", [path], out)
    assert out.read_bytes() == before and sorted(p.name for p in out.parent.iterdir()) == ["cobalt.csv", "manifest.csv"]


def test_the_long_table_reads_back_what_was_written(tmp_path: Path) -> None:
    out = tmp_path / "cobalt.csv"
    import_files("usgs-mcs", [world(tmp_path)], out)
    again, fresh = read_long(out), records("usgs-mcs", world(tmp_path))
    assert [r.row() for r in again] == [r.row() for r in fresh] and {r.flag for r in again} <= set(FLAGS)
    assert out.read_text().splitlines()[0] == ",".join(COLUMNS)
    out.write_text(out.read_text().replace("reported", "guessed").replace("bounded,", "reported,"))
    with pytest.raises(DataError, match="guessed"):
        read_long(out)


def test_the_command(tmp_path: Path) -> None:
    path, out = world(tmp_path, (",165000,", ",168000,")), tmp_path / "new" / "co.csv"
    result = CliRunner().invoke(main, ["import", "usgs-mcs", str(path), "-o", str(out)])
    assert result.exit_code == 0 and "12 rows" in result.output and "W301" in result.output
    assert "W301" in out.with_name("co_warnings.txt").read_text()
    world(tmp_path)
    refused = CliRunner().invoke(main, ["import", "usgs-mcs", str(path), "-o", str(out)])
    assert refused.exit_code == 1 and "E315" in refused.output
    accepted = CliRunner().invoke(main, ["import", "usgs-mcs", str(path), "-o", str(out), "--accept-new-data"])
    assert accepted.exit_code == 0 and not out.with_name("co_warnings.txt").exists()
    assert CliRunner().invoke(main, ["import", "usgs", str(path)]).exit_code == 2
    nothing = CliRunner().invoke(main, ["import", "baci", str(path), "--codes", "260500"])
    assert nothing.exit_code == 1 and "E317" in nothing.output


def test_workbooks_need_their_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = iea_workbook(tmp_path)
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(DataError, match=r"pip install floormodel\[calibration\]"):
        read_files("iea", [path])


def test_two_tables_of_one_file_share_the_manifest(tmp_path: Path) -> None:
    path, first, second = world(tmp_path), tmp_path / "out" / "first.csv", tmp_path / "out" / "second.csv"
    import_files("usgs-mcs", [path], first, today=date(2026, 1, 2))
    world(tmp_path, (",650,", ",660,"))
    with pytest.raises(DataError, match="E315"):
        import_files("usgs-mcs", [path], second)
    import_files("usgs-mcs", [path], second, accept=True, today=date(2026, 1, 3))
    rows = {row["table"]: row for row in csv.DictReader(first.with_name("manifest.csv").open())}
    assert [rows[t]["date"] for t in ("first.csv", "second.csv")] == ["2026-01-02", "2026-01-03"]
    assert rows["first.csv"]["sha256"] != rows["second.csv"]["sha256"] == sha256(path)  # the first was made from the older file
    import_files("usgs-mcs", [path], second)
