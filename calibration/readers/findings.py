"""What is wrong with an upstream file: errors that stop its import and warnings that go with it, each with a code.

E301 column missing, renamed or of another table; E302 withheld number needed; E303 unknown mark; E304 number not in the
notation of the source; E305 a total among the countries; E306 rows and printed total apart by more than 5 %; E307 row
given twice; E308 unknown country; E309 table not found in the workbook; E310 code or number turned into a date or a
rounded number; E311 formula without its result; E312 not a workbook; E313 broken text file; E314 price that is neither
nominal nor of a stated year, or without currency; E315 file changed since its last import; E316 unit missing; E317
edition or mineral not stated. W301 rows and printed total apart beyond rounding; W302 two figures or two years that
contradict each other; W303 unit kept as written; W304 part of the file not read; W305 a price that looks like one per
pound.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from floormodel.errors import DataError, Fault, Faults


@dataclass
class Findings:
    """The errors and warnings of one import, raised and shown together."""

    source: str
    faults: Faults = field(init=False)
    warnings: list[Fault] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.faults = Faults(self.source)

    def error(self, code: str, where: str, found: object, expected: str, mend: str = "") -> None:
        self.faults.add(f"{code} {where}", found, expected, mend)

    def warn(self, code: str, where: str, found: str, expected: str, mend: str = "") -> None:
        self.warnings.append(Fault(f"{code} {where}", found, expected, mend))

    def warn_once(self, code: str, where: str, found: str, expected: str, mend: str = "") -> None:
        """A warning whose code and finding have not been given before."""
        if not any(w.where.startswith(code) and w.found == found for w in self.warnings):
            self.warn(code, where, found, expected, mend)

    def raise_if_any(self) -> None:
        """Raise one DataError with every error found so far."""
        self.faults.raise_if_any()


class CannotRead(DataError):
    """A file that cannot be opened as what it is said to be; becomes one finding of the import."""

    def __init__(self, code: str, where: str, found: str, expected: str, mend: str):
        super().__init__(f"{code} {where}: {found}")
        self.parts = (code, where, found, expected, mend)
