"""Run folders are there whole or not at all, and nothing that is not an earlier run is ever replaced."""

import errno
import json
import os

import pytest

from floormodel.errors import OutputError
from floormodel.report.run_folder import check_target, versions, write_record, write_run_folder


def fill(text):
    def writer(folder):
        (folder / "figures").mkdir()
        (folder / "figures" / "a.svg").write_text(text)
        write_record(folder, {"text": text})
    return writer


def contents(path):
    return sorted(str(p.relative_to(path)) for p in path.rglob("*"))


def test_a_new_folder_holds_what_the_writer_wrote_and_no_trace_is_left_beside_it(tmp_path):
    target = tmp_path / "deep" / "run"
    assert write_run_folder(target, fill("one")) == target
    assert contents(target) == ["figures", "figures/a.svg", "run.json"]
    assert os.listdir(target.parent) == ["run"]
    assert json.loads((target / "run.json").read_text())["text"] == "one"


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "run").mkdir()
    write_run_folder(tmp_path / "run", fill("one"))
    assert (tmp_path / "run" / "run.json").is_file()


def test_an_earlier_run_is_replaced_only_when_told(tmp_path):
    target = tmp_path / "run"
    write_run_folder(target, fill("one"))
    (target / "stale.csv").write_text("x")
    with pytest.raises(OutputError, match="--overwrite"):
        write_run_folder(target, fill("two"))
    assert json.loads((target / "run.json").read_text())["text"] == "one"
    write_run_folder(target, fill("two"), overwrite=True)
    assert contents(target) == ["figures", "figures/a.svg", "run.json"]
    assert json.loads((target / "run.json").read_text())["text"] == "two"
    assert os.listdir(tmp_path) == ["run"]


def test_a_folder_with_other_things_is_never_replaced(tmp_path):
    (tmp_path / "thesis.docx").write_text("years of work")
    for overwrite in (False, True):
        with pytest.raises(OutputError, match="other things"):
            write_run_folder(tmp_path, fill("one"), overwrite=overwrite)
    assert os.listdir(tmp_path) == ["thesis.docx"]


def test_a_file_or_a_link_is_not_a_target(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="found a file"):
        check_target(tmp_path / "file")
    with pytest.raises(OutputError, match="cannot be made"):
        check_target(tmp_path / "file" / "run")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="found a link"):
        check_target(tmp_path / "link", overwrite=True)


def test_a_folder_without_the_right_to_write_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere, so the answer is put in
    with pytest.raises(OutputError, match="no right to write"):
        check_target(tmp_path / "run")


@pytest.mark.parametrize("fault", [KeyboardInterrupt, ValueError, MemoryError])
@pytest.mark.parametrize("earlier", [False, True])
def test_an_interrupted_writer_leaves_everything_as_it_was(tmp_path, fault, earlier):
    target = tmp_path / "run"
    if earlier:
        write_run_folder(target, fill("one"))
    before = contents(tmp_path)

    def writer(folder):
        (folder / "half.csv").write_text("half")
        raise fault

    with pytest.raises(fault):
        write_run_folder(target, writer, overwrite=True)
    assert contents(tmp_path) == before


def test_a_full_disk_names_the_path_and_the_free_space(tmp_path):
    def writer(folder):
        raise OSError(errno.ENOSPC, "No space left on device", str(folder / "results.nc"))

    message = r"run: not written: No space left.*results\.nc; [0-9,]+ bytes are free"
    with pytest.raises(OutputError, match=message) as error:
        write_run_folder(tmp_path / "run", writer)
    assert error.value.exit_code == 5
    assert os.listdir(tmp_path) == []


def test_if_the_move_fails_the_earlier_run_comes_back(tmp_path, monkeypatch):
    """Each rename in turn fails; the earlier run is there afterwards every time."""
    target = tmp_path / "run"
    write_run_folder(target, fill("one"))
    rename = type(target).rename
    for failing in (1, 2):
        calls = []

        def flaky(self, new, failing=failing, calls=calls):
            calls.append(new)
            if len(calls) == failing:
                raise OSError(errno.EIO, "Input/output error", str(self))
            return rename(self, new)

        monkeypatch.setattr(type(target), "rename", flaky)
        with pytest.raises(OutputError, match="Input/output error"):
            write_run_folder(target, fill("two"), overwrite=True)
        monkeypatch.undo()
        assert json.loads((target / "run.json").read_text())["text"] == "one"
        assert os.listdir(tmp_path) == ["run"]


def test_the_record_holds_versions_and_refuses_what_json_has_no_word_for(tmp_path):
    write_record(tmp_path, {"seed": 7})
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["seed"] == 7
    assert {"python", "floormodel", "numpy", "scipy"} <= set(record["versions"])
    assert record["versions"] == versions()
    with pytest.raises(ValueError, match="JSON"):
        write_record(tmp_path, {"share": float("nan")})
