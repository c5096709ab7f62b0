"""Errors that say what is wrong, where, what was expected and how to mend it.

One class per kind of fault; a message is made of named parts, so that every refusal reads alike. `Faults` collects all
the faults of one file and raises them together.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field


class FloormodelError(Exception):
    """Base of every error this package raises on purpose. `exit_code` is what the command line returns."""

    exit_code = 4


class DataError(FloormodelError):
    """A market's figures are faulty: missing, of the wrong sign, not finite, not in balance."""

    exit_code = 2


class ScenarioError(FloormodelError):
    """A scenario or an instrument is faulty: unknown key, unknown region, a value outside its range."""

    exit_code = 2


class ConvergenceError(FloormodelError):
    """A result was asked for that the solver did not find."""

    exit_code = 3


class OutputError(FloormodelError):
    """A result could not be written (or would overwrite another)."""

    exit_code = 5


class InertWarning(UserWarning):
    """A setting that changes nothing (a floor below every border price, a quota above exports)."""


class EvidenceWarning(UserWarning):
    """A result leans on something the figures cannot carry."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A suggestion such as ``did you mean 'members'?``, or the list of what is known."""
    known = [str(k) for k in known]
    near = difflib.get_close_matches(str(word), known, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    return "known: " + ", ".join(sorted(known)[:40])


@dataclass(frozen=True)
class Fault:
    """One fault: where it is, what was found, what was expected, how to mend it."""

    where: str
    found: str
    expected: str
    mend: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: found {self.found[:80]}; expected {self.expected}"
        return text + (f"; {self.mend}" if self.mend else "")


@dataclass
class Faults:
    """Collects the faults of one source and raises them all at once."""

    source: str
    error: type[FloormodelError] = DataError
    items: list[Fault] = field(default_factory=list)

    def add(self, where: str, found: object, expected: str, mend: str = "") -> None:
        self.items.append(Fault(where, found if isinstance(found, str) else repr(found), expected, mend))

    def raise_if_any(self, limit: int = 50) -> None:
        """Raise `error` with up to `limit` faults, one per line."""
        if not self.items:
            return
        lines = [f"  {n}. {fault}" for n, fault in enumerate(self.items[:limit], 1)]
        more = f"\n  ... and {len(self.items) - limit} more" if len(self.items) > limit else ""
        raise self.error(f"{self.source}: {len(self.items)} fault(s)\n" + "\n".join(lines) + more)
