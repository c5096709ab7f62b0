"""An import: files of one source to one long table, checked as a whole, nothing written where anything is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path

from calibration.readers import baci, bgs, dataweb, iea, usgs_ds140, usgs_mcs, wmd, world_bank
from calibration.readers.checks import check_totals, check_twice
from calibration.readers.findings import CannotRead, Findings
from calibration.readers.labels import known_minerals
from calibration.readers.long_table import Record, write_long
from calibration.readers.manifest import check_unchanged, write_manifest
from calibration.readers.reading import Options
from floormodel.errors import Fault, did_you_mean

NOTHING = Options()
Reader = Callable[[Path, Findings, Options], list[Record]]
READERS: Mapping[str, Reader] = {
    "usgs-mcs": usgs_mcs.read, "usgs-ds140": usgs_ds140.read, "world-bank": world_bank.read, "baci": baci.read, "bgs": bgs.read,
    "wmd": wmd.read, "iea": iea.read, "dataweb": dataweb.read}


def read_files(source: str, files: Sequence[Path], options: Options = NOTHING) -> tuple[list[Record], list[Fault]]:
    """The records of the files and the warnings.

    Raises
    ------
    DataError
        With every fault of every file, each with its code, file, row, column, what was found and how to mend it.
    """
    findings = Findings(source)
    records = _read(source, files, options, findings)
    findings.raise_if_any()
    return records, findings.warnings


def import_files(source: str, files: Sequence[Path], out: Path, options: Options = NOTHING, accept: bool = False,
                 today: date | None = None) -> tuple[int, list[Fault]]:
    """Write the long table `out`, its warnings and the manifest; (number of records, warnings).

    Raises
    ------
    DataError
        As `read_files`, and E315 for a file that has changed since its last import unless `accept`.
    """
    findings = Findings(source)
    check_unchanged(out, [f for f in files if f.is_file()], source, accept, findings)
    records = _read(source, files, options, findings)
    findings.raise_if_any()
    write_long(out, records)
    notes = out.with_name(f"{out.stem}_warnings.txt")
    notes.unlink(missing_ok=True)
    if findings.warnings:
        notes.write_text("".join(f"{w}\n" for w in findings.warnings), "utf-8")
    write_manifest(out, list(files), source, today or date.today())
    return len(records), findings.warnings


def _read(source: str, files: Sequence[Path], options: Options, findings: Findings) -> list[Record]:
    records: list[Record] = []
    for path in files:
        try:
            if not path.is_file():
                raise CannotRead("E312", str(path), "no such file", "a file of " + source, "check the path")
            records += READERS[source](path, findings, options)
        except CannotRead as fault:
            findings.error(*fault.parts)
    if not records and not findings.faults.items:
        kept = options.mineral or ", ".join(options.codes)
        findings.error("E301", ", ".join(f.name for f in files), "no rows" + (f" of {kept}" if kept else ""), "rows to import",
                       did_you_mean(options.mineral, known_minerals()) if options.mineral else "is it another file of this publisher?")
    check_twice(records, findings)
    return check_totals(records, findings)
