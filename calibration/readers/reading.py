"""What all readers share: the options of an import, and a cell turned into a record."""

from __future__ import annotations

import re
from dataclasses import dataclass

from calibration.readers.cells import Cell, CellFault, joined, parse
from calibration.readers.findings import Findings
from calibration.readers.labels import mineral
from calibration.readers.long_table import Record

CURRENCY = re.compile(r"USD|US cents|EUR|GBP|CNY|JPY|index")
LOW_PRICE = 20.0  # USD/t below which a price is suspected to be one per pound or per unit of 10 kg


@dataclass(frozen=True)
class Options:
    """What the user adds to a file: its mineral (others are left out), the edition where its name does not say it; codes
    and minerals to keep."""

    mineral: str = ""
    codes: tuple[str, ...] = ()
    edition: str = ""
    keep: tuple[str, ...] = ()

    def wants(self, named: str) -> bool:
        """Are rows of this mineral, as `labels.mineral` names it, to be kept?"""
        return (not self.mineral or named == mineral(self.mineral)) and (not self.keep or named in self.keep)


@dataclass(frozen=True)
class Row:
    """What the cells of one row of a file have in common."""

    source: str
    edition: str
    mineral: str
    stage: str
    country: str
    partner: str = ""
    code: str = ""
    note: str = ""

    def record(self, statistic: str, period: str, unit: str, cell: Cell, where: str, note: str = "") -> Record:
        return Record(self.source, self.edition, self.mineral, self.stage, self.country, statistic, period, unit, cell.value,
                      cell.low, cell.high, cell.flag, joined(cell.note, self.note, note), where, self.partner, self.code)


def read_cell(raw: object, source: str, statistic: str, where: str, findings: Findings) -> Cell | None:
    """The cell, or None with an error in `findings`."""
    try:
        return parse(raw, source, statistic)
    except CellFault as fault:
        findings.error(fault.code, where, raw, fault.expected, fault.mend)
        return None


def check_price(unit: str, cell: Cell, where: str, findings: Findings) -> None:
    """A price of a mineral names its currency; one that is very low for a tonne is suspect."""
    if not CURRENCY.search(unit):
        findings.error("E314", where, f"price in {unit!r}", "a currency in the unit", "add the unit to calibration/readers/units.csv")
    elif unit == "USD/t" and 0 < cell.value < LOW_PRICE:
        findings.warn("W305", where, f"{cell.value:g} USD/t", f"more than {LOW_PRICE:g} USD/t",
                      "is it per pound or per metric ton unit? if so add it to calibration/readers/errata.csv")


def code_text(raw: object, digits: tuple[int, ...], where: str, findings: Findings) -> str | None:
    """A customs code as text with one of the given numbers of digits, or None with E310."""
    number = isinstance(raw, int | float) and not isinstance(raw, bool)
    text = f"{raw:.0f}" if number and raw == raw else str(raw).strip()
    if re.fullmatch(r"\d+", text, re.ASCII) and len(text) in digits:
        return text
    if re.fullmatch(r"\d+", text, re.ASCII) and len(text) + 1 in digits:
        mend = "a zero in front was lost: read the column as text"
    else:
        mend = "a spreadsheet made a date or a rounded number of it: load the publisher's file again"
    findings.error("E310", where, raw, "a code of " + " or ".join(map(str, digits)) + " digits", mend)
    return None


def period_text(text: str) -> str:
    """A year, a month as 1960-01, a span of years as 2021-2024; other words stay."""
    text = " ".join(text.split())
    if match := re.fullmatch(r"(\d{4})M(\d{2})", text):
        return f"{match[1]}-{match[2]}"
    if match := re.fullmatch(r"(\d{2})(\d{2})\s*[–-]\s*(\d{2})", text):
        return f"{match[1]}{match[2]}-{match[1]}{match[3]}"
    return text
