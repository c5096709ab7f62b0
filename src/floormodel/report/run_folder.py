"""Run folders: written under a temporary name beside the target, then moved into place, so that none is half there."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from floormodel.errors import OutputError

RECORD = "run.json"
LIBRARIES = ("numpy", "scipy", "pandas", "xarray", "pydantic", "matplotlib")


def check_target(path: str | Path, overwrite: bool = False) -> Path:
    """The absolute target of a run folder, refused before any work is done where it could not be written later.

    Raises
    ------
    OutputError
        The target is a file or a link; it holds an earlier run and `overwrite` is not given; it holds other things (no
        run.json), which is never overwritten; the folder above cannot be made or written to.
    """
    path = Path(os.path.abspath(path))
    if path.is_symlink():
        raise OutputError(f"{path}: found a link; expected a folder to write to; name the folder it points to")
    if path.exists() and not path.is_dir():
        raise OutputError(f"{path}: found a file; expected a folder to write to; choose another name with -o")
    if path.is_dir() and any(path.iterdir()):
        if not (path / RECORD).is_file():
            raise OutputError(f"{path}: found a folder with other things in it; expected a new, empty or earlier run "
                              "folder; choose another name with -o")
        if not overwrite:
            raise OutputError(f"{path}: found an earlier run; expected a new folder; choose another name with -o, or "
                              "say --overwrite")
    parent = path.parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise OutputError(f"{parent}: found that it cannot be made ({exc.strerror}); expected a folder to write to; "
                          "choose another with -o") from exc
    if not os.access(parent, os.W_OK | os.X_OK):
        raise OutputError(f"{parent}: found no right to write; expected a folder to write to; choose another with -o")
    return path


def write_run_folder(path: str | Path, writer: Callable[[Path], None], overwrite: bool = False) -> Path:
    """Let `writer` fill a new folder, then move it to `path`; on failure or interruption nothing is left or changed.

    Parameters
    ----------
    path : the target
    writer : called with the temporary folder, a sibling of the target on the same disk
    overwrite : replace an earlier run (a folder that holds run.json)

    Raises
    ------
    OutputError
        As `check_target`, and where the disk is full or refuses; the message names the path and the free space.
    """
    path = check_target(path, overwrite)
    new = path.with_name(f".{path.name}.{os.getpid()}.part")
    old = path.with_name(f".{path.name}.{os.getpid()}.old")
    try:
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir()
        writer(new)
        _swap(new, path, old)
    except OSError as exc:
        free = shutil.disk_usage(path.parent).free
        file = f" at {exc.filename}" if exc.filename else ""
        raise OutputError(f"{path}: not written: {exc.strerror or exc}{file}; {free:,} bytes are free there; "
                          "make room or choose another folder with -o") from exc
    finally:
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
    return path


def _swap(new: Path, path: Path, old: Path) -> None:
    """Put `new` in the place of `path`; what was there comes back if that fails."""
    if not path.exists():
        new.rename(path)
        return
    path.rename(old)
    try:
        new.rename(path)
    except BaseException:
        old.rename(path)
        raise


def write_record(folder: Path, record: Mapping[str, Any]) -> None:
    """Write run.json: `record` and the versions in use. NaN is refused: JSON has none."""
    full = {"versions": versions(), **record}
    text = json.dumps(full, indent=2, sort_keys=False, allow_nan=False, ensure_ascii=False)
    (folder / RECORD).write_text(text + "\n", encoding="utf-8")


def versions() -> dict[str, str]:
    """Versions of Python, of this package and of the libraries that the numbers depend on."""
    found = {"python": platform.python_version()}
    for name in ("floormodel", *LIBRARIES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
