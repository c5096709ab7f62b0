"""Chunks of draws of a path on disk: each is written whole or not at all, and belongs to one run."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path as File
from typing import Any
from zipfile import BadZipFile

import numpy as np

from floormodel.dynamics.adjustment import HABITS, Habit
from floormodel.dynamics.entry import Fleet
from floormodel.dynamics.path import PathState, Setting, Side
from floormodel.errors import OutputError

FLEET = ("running", "building", "started")


def to_flat(state: PathState) -> dict[str, np.ndarray]:
    """The arrays of a state by name, each with the draws first."""
    flat: dict[str, np.ndarray] = {}
    for run, side in (("policy", state.policy), ("none", state.none)):
        flat |= {f"state/{run}/{name}": getattr(side.habit, name) for name in HABITS}
        flat |= {f"state/{run}/{name}": getattr(side.fleet, name) for name in FLEET}
        flat |= {f"state/{run}/expected": side.expected, f"state/{run}/held": side.held}
    return flat


def from_flat(parts: Sequence[Mapping[str, np.ndarray]], year: float) -> PathState:
    """The state of all draws from that of each chunk."""
    def side(run: str) -> Side:
        held = {name: np.concatenate([p[f"state/{run}/{name}"] for p in parts]) for name in (*HABITS, *FLEET, "expected", "held")}
        return Side(Habit(*(held[n] for n in HABITS)), Fleet(*(held[n] for n in FLEET)), held["expected"], held["held"])
    return PathState(year, side("policy"), side("none"))


def fingerprint(whole: Setting, state: PathState | None, chunk: int) -> str:
    """A hash of everything the chunks depend on."""
    market, digest = whole.market, hashlib.sha256()
    arrays = [market.dataset[v].values for v in sorted(map(str, market.dataset))] + [
        whole.years, whole.trend_supply, whole.trend_demand, whole.shock, whole.gone]
    for at in (whole.speeds.speed, whole.speeds.elasticity):
        arrays += [at[kind] for kind in sorted(at)]
    if state is not None:
        arrays += to_flat(state).values()
    for array in arrays:
        digest.update(repr(np.shape(array)).encode() + np.ascontiguousarray(array, float).tobytes())
    words: list[Any] = [chunk, market.name, market.horizon, market.deck, market.opened]
    words += [whole.periods_per_year, whole.weight, whole.consistent]
    words += [(d.policy.model_dump_json(), d.policy.kind, d.start, d.end, d.phase_in, d.field, d.begin, d.hazard) for d in whole.schedule]
    words += [({k: np.asarray(v).tolist() if not isinstance(v, (str, Mapping)) else str(v) for k, v in vars(p.project).items()},
               *(np.asarray(v).tolist() for v in (p.per_year, p.total, p.non_delivery)), p.learning, p.experience) for p in whole.plans]
    words += [vars(rule) for rule in whole.stocks]
    digest.update(repr(words).encode())
    return digest.hexdigest()


class Folder:
    """Finished chunks of one run, each written whole or not at all."""

    def __init__(self, place: File, fingerprint: str):
        self.place, head = place, place / "run.json"
        place.mkdir(parents=True, exist_ok=True)
        if head.is_file():
            found = json.loads(head.read_text("utf-8")).get("fingerprint")
            if found != fingerprint:
                raise OutputError(f"{place}: found chunks of another run; expected an empty folder or the same call; choose another folder")
        elif any(place.iterdir()):
            raise OutputError(f"{place}: found other files; expected an empty folder or the chunks of this run")
        else:
            _replace(head, json.dumps({"fingerprint": fingerprint}, indent=2).encode())

    def read(self, first: int) -> dict[str, np.ndarray] | None:
        """A finished chunk; None where there is none, or one that a failing disk has left damaged: it is made again."""
        try:
            with np.load(self.place / f"draws_{first:06d}.npz") as held:
                return dict(held)
        except (OSError, ValueError, EOFError, BadZipFile, zlib.error):
            return None

    def write(self, first: int, flat: Mapping[str, np.ndarray]) -> None:
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **flat)  # type: ignore[arg-type]
        _replace(self.place / f"draws_{first:06d}.npz", buffer.getvalue())


def _replace(path: File, content: bytes) -> None:
    draft = path.with_suffix(f".{os.getpid()}.part")
    with open(draft, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    os.replace(draft, path)
