"""Row by row: which published number takes the place of which figure of a market."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from calibration.chain_tables import MASS
from calibration.figures import SOURCE_COLUMNS, TAIL, number_text
from calibration.readers.cells import joined
from calibration.readers.findings import Findings
from calibration.readers.labels import table
from calibration.readers.long_table import REST, WORLD, Record

EU27 = ("AUT BEL BGR CYP CZE DEU DNK ESP EST FIN FRA GRC HRV HUN IRL ITA LTU LUX LVA MLT NLD POL PRT ROU SVK SVN SWE").split()
SHIPPED = {"usgs-mcs": "usgs_mcs", "wmd": "wmd", "bgs": "bgs", "iea": "iea_cm"}  # how the ids of shipped sources begin
LEAST_FLOW = 0.001  # of a code's world trade: smaller flows are left out
MIRROR = 0.1  # gap between importer and exporter above which both numbers are shown
MEASURE = {"quantity": "t", "value": "kUSD"}
Row = dict[str, str]


@dataclass(frozen=True)
class Edition:
    """The records of one edition of a source, and the files they came from."""

    source: str
    edition: str
    records: tuple[Record, ...]
    origin: str

    @property
    def id(self) -> str:
        return re.sub(r"\W+", "_", f"file_{self.source}_{self.edition}".lower()).strip("_")


@dataclass(frozen=True)
class Line:
    """One change of a figure, for the report."""

    table: str
    figure: Row
    before: str
    after: str
    unit: str
    source: str
    what: str

    def row(self) -> list[str]:
        keys = [self.figure.get(k, "") for k in ("figure", "good", "code", "region", "partner")]
        return [self.table, *keys, self.before, self.after, self.unit, self.source, self.what]


@dataclass
class Rewriter:
    """Collects the new rows, what changed, and every fault."""

    market: str
    regions: Sequence[str]
    year: str
    keep_missing: bool
    add_new: bool
    editions: Sequence[Edition]
    lines: list[Line] = field(default_factory=list)
    used: dict[str, tuple[Edition, str]] = field(default_factory=dict)  # source id: edition, id of the shipped source

    def __post_init__(self) -> None:
        self.findings = Findings(f"figures of {self.market}")

    def region(self, country: str) -> str:
        """The market's region of a country: itself, EU27, or the rest."""
        if country in self.regions:
            return country
        return "EU27" if country in EU27 and "EU27" in self.regions else "ROW"

    def production(self, rows: Sequence[Row]) -> list[list[str]]:
        """Rows of production.csv, output and world totals of the user's sources replaced."""
        numbers = self._numbers(rows)
        out = [self._made(row, numbers) for row in rows]
        for (good, source), found in numbers.items():
            shipped = [r for r in rows if r["figure"] == "output" and r["good"] == good]
            units = Counter(r["unit"] for r in shipped if r["source"].startswith(SHIPPED[source]))
            for country in sorted(set(found) - {r["partner"] or r["region"] for r in shipped} - {WORLD, REST}):
                out.append(self._new(good, country, found[country], list(units)))
        if not numbers and any(e.source in SHIPPED for e in self.editions):
            self.findings.error("E301", "production.csv", ", ".join(sorted({e.source for e in self.editions})),
                                "a source of this market's output", "the market takes its output from "
                                + ", ".join(sorted({r["source"] for r in rows if r["figure"] == "output"})))
        return [[row[c] for c in ("figure", "good", "region", "partner", *TAIL)] for row in out if row]

    def _numbers(self, rows: Sequence[Row]) -> dict[tuple[str, str], dict[str, tuple[Edition, Record]]]:
        """The user's numbers of the year by (good, source) and country, for sources that the market uses."""
        out: dict[tuple[str, str], dict[str, tuple[Edition, Record]]] = {}
        for use in (g for g in table("goods.csv") if g["market"] == self.market):
            key, stage = (use["good"], use["source"]), re.compile(use["stage"], re.IGNORECASE)
            shipped = [r for r in rows if r["good"] == key[0] and r["source"].startswith(SHIPPED[key[1]]) and r["figure"] == "output"]
            fitting = [(e, r) for e in self.editions if e.source == key[1] for r in e.records if r.statistic == "production"
                       and r.mineral in use["mineral"].split("|") and stage.fullmatch(r.stage)]
            if not shipped or not fitting:
                continue
            found: dict[str, tuple[Edition, Record]] = {}
            for edition, record in fitting:
                if record.period == self.year and record.country in found:
                    self.findings.error("E307", record.where, f"{record.country} {self.year} again",
                                        f"once, as {found[record.country][1].where}", "give one edition of a source, and one table of it")
                elif record.period == self.year:
                    found[record.country] = (edition, record)
            if not found:
                self.findings.error("E301", f"{key[1]}, {key[0]}", "years " + ", ".join(sorted({r.period for _, r in fitting})), self.year,
                                    "name another year with --year")
            out[key] = found
        return out

    def _made(self, row: Row, numbers: dict[tuple[str, str], dict[str, tuple[Edition, Record]]]) -> Row:
        source = next((s for s, start in SHIPPED.items() if row["source"].startswith(start)), "")
        found = numbers.get((row["good"], source))
        if row["figure"] not in ("output", "world") or not found:
            return row
        country = WORLD if row["figure"] == "world" else row["partner"] or row["region"]
        edition, record = found.get(country, (None, None))
        if edition is None or record is None or math.isnan(record.value):
            said = f"{record.flag} in {edition.edition}" if edition and record else "not listed"
            if not self.keep_missing:
                self.findings.error("E302", f"production.csv, {row['figure']} {row['good']} {country}", said, f"a number for {self.year}",
                                    "--keep-missing keeps the shipped figure, with its own source and year")
            self.lines.append(Line("production", row, row["value"], row["value"], row["unit"], row["source"], f"kept: {said}"))
            return row
        value = self._in_unit(record, row["unit"])
        if value is None:
            return row
        return self._replaced("production", row, number_text(value), edition, record.flag, record.note)

    def _new(self, good: str, country: str, found: tuple[Edition, Record], units: list[str]) -> Row:
        edition, record = found
        row = {"figure": "output", "good": good, "region": self.region(country), "partner": country, "low": "", "high": ""}
        value = self._in_unit(record, units[0]) if len(units) == 1 else None
        if not record.value or math.isnan(record.value):
            return {}
        if not self.add_new or value is None:
            why = "several units in the shipped rows" if len(units) > 1 else "--add-new takes it"
            self.lines.append(Line("production", row, "", "", record.unit, edition.id, f"not taken: {record.value:g}, no row; {why}"))
            return {}
        return self._replaced("production", row | {"value": "", "unit": units[0], "source": ""}, number_text(value), edition, record.flag,
                              record.note)

    def _in_unit(self, record: Record, unit: str) -> float | None:
        """The number in the mass of the shipped unit; what else the unit says is the market's own."""
        mass, said = record.unit.partition(" ")[0], record.unit.partition(" ")[2]
        wanted = unit.partition(" ")[0].removesuffix("/yr")
        if mass not in MASS or wanted not in MASS or said not in ("", "metal content", unit.partition(" ")[2]):
            self.findings.error("E316", record.where, record.unit, f"a number in {unit}", "the units are not of one basis")
            return None
        return record.value if mass == wanted else float(f"{record.value * MASS[mass] / MASS[wanted]:.12g}")

    def _replaced(self, name: str, row: Row, value: str, edition: Edition, flag: str, note: str) -> Row:
        what = "replaced" if row["value"] else "added"
        if row["low"]:
            what += f"; range {row['low']} to {row['high']} of the shipped row dropped"
        self.lines.append(Line(name, row, row["value"], value, row["unit"], edition.id, what))
        self.used.setdefault(edition.id, (edition, row["source"]))
        return row | {"value": value, "low": "", "high": "", "year": self.year, "source": edition.id, "note": joined(flag, note)}

    def trade(self, rows: Sequence[Row]) -> list[list[str]]:
        """Rows of trade.csv, quantities and values of customs replaced; small flows are left out, new ones come in."""
        out: list[Row] = []
        labelled = {(r["code"][:6], r["region"], r["partner"]) for r in rows if r["figure"] in MEASURE and len(r["code"]) > 6}
        done: set[tuple[str, ...]] = set()
        for row in rows:
            edition = self._baci(row) if row["figure"] in MEASURE else None
            group = (row["figure"], row["good"], row["code"])
            if edition is None:
                out.append(row)
            elif len(row["code"]) > 6:
                out += self._flows(row, edition, [row], {(row["region"], row["partner"])}, set())
            elif group not in done:
                done.add(group)
                same = [r for r in rows if (r["figure"], r["good"], r["code"]) == group]
                out += self._flows(row, edition, same, None, {key[1:] for key in labelled if key[0] == row["code"]})
        self._mirror()
        return [[row[c] for c in ("figure", "good", "code", "region", "partner", *TAIL)] for row in out]

    def _baci(self, row: Row) -> Edition | None:
        """The user's edition of BACI in the HS revision of the row's source."""
        revision = re.match(r"baci_hs(\d\d)", row["source"])
        fitting = [e for e in self.editions if e.source == "baci" and revision and e.edition.startswith(f"HS{revision[1]}")]
        return fitting[0] if fitting else None

    def _flows(self, row: Row, edition: Edition, same: list[Row], only: set[tuple[str, str]] | None,
               without: set[tuple[str, str]]) -> list[Row]:
        """New rows of one code: `only` these pairs of regions, or all that matter but those of other rows."""
        code, unit = row["code"][:6], MEASURE[row["figure"]]
        records = [r for r in edition.records if r.code == code and r.unit == unit and r.period == self.year]
        if not records:
            years = sorted({r.period for r in edition.records if r.code == code})
            self.findings.error("E301", f"baci {edition.edition}, code {code}", "years " + (", ".join(years) or "none"), self.year,
                                "import the code, or name another year with --year")
            return same
        flow: dict[tuple[str, str], float] = defaultdict(float)
        for r in records:
            ends = self.region(r.country), self.region(r.partner)
            if ends[0] != ends[1] and not math.isnan(r.value):
                flow[ends] += r.value
        least = LEAST_FLOW * sum(r.value for r in records if not math.isnan(r.value))
        kept = {k: v for k, v in flow.items() if (k in only if only else v >= least and k not in without)}
        before = {(r["region"], r["partner"]): r for r in same}
        for pair in sorted(set(before) - set(kept)):
            old = before[pair]
            self.lines.append(Line("trade", old, old["value"], "", old["unit"], edition.id, "dropped: below 0.1 % of the code's trade"))
        blank = row | {"value": "", "low": "", "high": "", "note": ""}
        missing = sum(math.isnan(r.value) for r in records)
        note = f"{missing} flows of the code without a quantity" if missing else ""
        rows = {pair: before.get(pair, blank | {"region": pair[0], "partner": pair[1]}) for pair in sorted(kept)}
        return [self._replaced("trade", rows[pair], number_text(round(kept[pair], 3)), edition, "", note) for pair in rows]

    def _mirror(self) -> None:
        """Imports of the United States beside what BACI says its partners sold there: both numbers where they differ."""
        seen: dict[str, dict[tuple[str, str], float]] = {"baci": defaultdict(float), "dataweb": defaultdict(float)}
        for edition in self.editions:
            for r in edition.records:
                if r.period != self.year or math.isnan(r.value):
                    continue
                if edition.source == "baci" and r.partner == "USA" and r.unit == "t":
                    seen["baci"][r.country, r.code] += r.value
                elif edition.source == "dataweb" and r.statistic == "imports" and r.unit in MASS and len(r.code) >= 6:
                    seen["dataweb"][r.partner, r.code[:6]] += r.value * MASS[r.unit]
        for pair in sorted(set(seen["baci"]) & set(seen["dataweb"])):
            ours, other = seen["baci"][pair], seen["dataweb"][pair]
            if abs(ours - other) > MIRROR * max(ours, other):
                self.findings.warn("W302", f"code {pair[1]}, {pair[0]} to USA, {self.year}", f"BACI {ours:.6g} t, DataWeb {other:.6g} t",
                                   "two numbers for one flow", "BACI is taken")

    def new_sources(self, known: pd.DataFrame) -> list[list[str]]:
        """Rows of sources.csv for the editions that were used; publisher, address and licence are those of the source replaced."""
        out = []
        for name, (edition, shipped) in sorted(self.used.items()):
            old = known.loc[shipped] if shipped in known.index else known.loc[
                next(i for i in known.index if i.startswith(SHIPPED.get(edition.source, "baci")))]
            year = re.search(r"(?:19|20)\d\d", edition.edition)
            row: Row = {"id": name, "title": f"{edition.source} {edition.edition}: {edition.origin}", "publisher": str(old["publisher"]),
                   "year": year[0] if year else str(old["year"]), "address": str(old["address"]), "licence": str(old["licence"]),
                   "note": f"takes the place of {shipped}" if shipped else ""}
            out.append([row[c] for c in SOURCE_COLUMNS])
        return out
