"""Checks of a long table as a whole: rows given twice, totals among the countries, rows against the printed total."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace

from calibration.readers.cells import joined
from calibration.readers.findings import Findings
from calibration.readers.long_table import EMPTY, REST, WORLD, Record

WIDE, CLOSE = 0.05, 0.02  # gap to the printed total that is an error; distance at which a row looks like a total
ADDED = ("production", "capacity", "reserves")  # statistics of which countries make up a world
FEWEST = 3  # rows beside it that a row must add up to before it looks like a total


def check_twice(records: list[Record], findings: Findings) -> None:
    """The same number given twice is an error, whether or not the values agree."""
    seen: dict[tuple[str, ...], Record] = {}
    for record in records:
        first = seen.setdefault(record.key, record)
        if first is not record:
            same = first.value == record.value or (math.isnan(first.value) and math.isnan(record.value))
            findings.error("E307", record.where, f"{record.country} {record.statistic} {record.period} again"
                           + ("" if same else f", {record.value:g} after {first.value:g}"), f"once, as in {first.where}",
                           "delete one of the rows, or split the file by edition")


def check_totals(records: list[Record], findings: Findings) -> list[Record]:
    """The records, a note added to printed totals that their rows miss by more than rounding (W301; E306 above 5 %)."""
    groups: dict[tuple[str, ...], list[Record]] = defaultdict(list)
    for record in records:
        if record.statistic in ADDED:
            groups[(record.source, record.edition, record.mineral, record.stage, record.code, record.statistic, record.period,
                    record.unit)].append(record)
    notes: dict[int, str] = {}
    suspects: dict[tuple[str, str, str, str], list[bool]] = defaultdict(list)
    places: dict[tuple[str, str, str, str], Record] = {}
    for rows in groups.values():
        world = next((r for r in rows if r.country == WORLD), None)
        parts = [r for r in rows if r.country != WORLD]
        if world is not None and not math.isnan(world.value) and len(parts) > 1:
            notes[id(world)] = _against_total(world, parts, findings)
        if world is None:
            for record in parts:
                name = (record.mineral, record.stage, record.statistic, record.country)
                suspects[name].append(_adds_up(record, parts))
                places.setdefault(name, record)
    for who, looks in suspects.items():
        if len(looks) > 1 and all(looks):
            findings.error("E305", places[who].where, f"{who[-1]} is the sum of the other rows in {len(looks)} years", "a country",
                           "it is a total: name it World total, or delete the row")
    return [replace(r, note=joined(r.note, notes[id(r)])) if notes.get(id(r)) else r for r in records]


def _against_total(world: Record, parts: list[Record], findings: Findings) -> str:
    known = [r.value for r in parts if not math.isnan(r.value)]
    gap, slack = world.value - sum(known), half_unit(world.value) + sum(half_unit(v) for v in known)
    open_rows = any(r.flag in EMPTY for r in parts)
    if abs(gap) <= slack or (gap > 0 and open_rows) or not known:
        return ""
    found, share = f"rows add up to {sum(known):.10g}, printed total {world.value:.10g}", gap / world.value if world.value else -math.inf
    twice = [r for r in parts if _adds_up(r, parts)]
    large = [r.country for r in parts if r.value > world.value * (1 + WIDE)]
    if abs(share) <= WIDE:
        findings.warn("W301", world.where, f"{found} ({share:+.1%})", "rows that add up to the total within rounding")
        return f"W301: {found}"
    if twice and gap < 0:
        findings.error("E305", twice[0].where, f"{twice[0].country} is the sum of the other rows", "a country",
                       "it is a total: name it World total, or delete the row")
    elif large:
        findings.error("E306", world.where, f"{found}; {', '.join(large)} above the total", "no country above the total",
                       "kg beside t, or gross weight beside content? the unit must be the same in the whole table")
    else:
        findings.error("E306", world.where, f"{found} ({share:+.1%})", f"rows within {WIDE:.0%} of the total",
                       "is a row missing, or of another basis?")
    return ""


def _adds_up(record: Record, parts: list[Record]) -> bool:
    others = [r.value for r in parts if r is not record and not math.isnan(r.value) and r.value > 0]
    return record.country != REST and len(others) >= FEWEST and abs(record.value - sum(others)) <= CLOSE * sum(others)


def half_unit(value: float) -> float:
    """Half of the place to which a printed number is rounded: its last digit that is not zero, at least the second one."""
    if not value or not math.isfinite(value):
        return 0.0
    if value != int(value):
        return 0.5 * 10.0 ** -len(repr(float(value)).partition(".")[2])
    digits = str(int(abs(value)))
    zeros = min(len(digits) - len(digits.rstrip("0")), max(len(digits) - 2, 0))
    return 0.5 * 10.0 ** zeros
