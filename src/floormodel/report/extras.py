"""Libraries of the `[report]` extra, loaded when a file is written with them."""

from __future__ import annotations

import importlib
from typing import Any

from floormodel.errors import OutputError


def load_extra(module: str) -> Any:
    """Import a library of the `[report]` extra.

    Raises
    ------
    OutputError
        Where it is not installed, with the line that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as exc:
        raise OutputError(f"this output needs {module.partition('.')[0]}: pip install floormodel[report]") from exc
