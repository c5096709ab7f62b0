"""Names that publishers use, by the tables beside this file: countries, units, minerals, and errors known of an edition."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from calibration.readers.findings import Findings
from floormodel.errors import did_you_mean

HERE = Path(__file__).parent
QUALIFIER = re.compile(r"(.+?)\s*(\([^()]*\)|, (?:natural|synthetic))$")
TOLD_APART = {"congo", "korea"}  # names that what stands in brackets tells apart: it is never dropped
TOTAL = re.compile(r"\b(total|subtotal|grand total|all countries|sum of|world)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """A country code, what the publisher wrote beside the name, and the flag that a letter at the name means."""

    country: str
    note: str = ""
    flag: str = "reported"


def table(name: str) -> list[dict[str, str]]:
    """One of the tables beside this file."""
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def plain(name: str) -> str:
    """A name without what typing changes: case, kinds of blank and apostrophe, compatibility forms."""
    text = unicodedata.normalize("NFKC", name).replace("\u2019", "'").replace("\u2018", "'")
    return " ".join(text.split()).casefold()


@cache
def _countries() -> Mapping[str, str]:
    return {plain(name): row["country"] for row in table("countries.csv")
            for name in (row["country"], row["name"], *row["aliases"].split("|")) if name}


@cache
def country_codes() -> Mapping[str, str]:
    """Countries by the numbers that CEPII and the UN give them."""
    return {code: row["country"] for row in table("countries.csv") for code in row["codes"].split("|") if code}


def place(name: str, glued: bool = False) -> Place | None:
    """The country of a published name, or None. `glued` allows footnotes without a blank: New Caledonia11, Japane."""
    known, text = _countries(), plain(name)
    notes: list[str] = []
    while True:
        if text in known:
            return Place(known[text], "; ".join(notes))
        if glued and (match := re.fullmatch(r"(.*?\D)\s?(\d{1,2})", text)):
            text, notes = match[1].strip(), [*notes, f"footnote {match[2]}"]
        elif glued and text[-1:] in "er" and text[:-1] in known:
            return Place(known[text[:-1]], "; ".join(notes), {"e": "estimated", "r": "revised"}[text[-1]])
        elif (match := QUALIFIER.fullmatch(text)) and match[1] not in TOLD_APART:
            text, notes = match[1], [*notes, match[2].strip(" ,()")]
        else:
            return None


def country(name: str, where: str, findings: Findings, glued: bool = False) -> Place | None:
    """The country of a published name; an unknown one is an error, never a row left out."""
    found = place(name, glued)
    if found:
        return found
    if TOTAL.search(name):
        findings.error("E305", where, name, "a country, or a total under a name known to be one",
                       "add the name to WLD in calibration/readers/countries.csv if it is the world")
    else:
        near = did_you_mean(plain(name), _countries())
        mend = "is it Namibia? write the name; " if plain(name) == "na" else f"{near}; " if near.startswith("did") else ""
        findings.error("E308", where, name or "nothing", "a country of calibration/readers/countries.csv",
                       f"{mend}add the name to the aliases of its country there")
    return None


@cache
def _units() -> Mapping[str, str]:
    return {row["published"]: row["unit"] for row in table("units.csv")}


def unit(published: str, where: str, findings: Findings) -> str | None:
    """The unit as this project writes it; one that `units.csv` does not have is kept as written, with a warning."""
    text = " ".join(published.split())
    if not text:
        findings.error("E316", where, "no unit", "a unit for every number", "a row of calibration/readers/errata.csv can give it")
        return None
    if text not in _units() and text not in _units().values():
        findings.warn_once("W303", where, text, "a unit of calibration/readers/units.csv", "kept as written")
    return _units().get(text, text)


@cache
def _minerals() -> Mapping[str, dict[str, str]]:
    return {row["published"]: row for row in table("minerals.csv")}


def mineral(published: str) -> str:
    """A mineral by its name or its short form in file names; a name that `minerals.csv` does not have stays itself."""
    text = plain(published)
    return _minerals()[text]["mineral"] if text in _minerals() else text


def mineral_words(name: str) -> list[str]:
    """Words one of which a table of this mineral uses."""
    words = {w for row in table("minerals.csv") if row["mineral"] == name for w in row["words"].split("|") if w}
    return sorted(words | {name})


def known_minerals() -> list[str]:
    return sorted({row["mineral"] for row in table("minerals.csv")})


def erratum(edition: str, mineral: str, field: str, found: str) -> tuple[str, str]:
    """(what it should read, why) for an error known of an edition; the text itself and nothing where there is none."""
    for row in table_of_errata():
        if (row["edition"], row["mineral"], row["field"], row["found"]) == (edition, mineral, field, found):
            return row["reads_as"], f"erratum of {field}: {found or 'blank'} read as {row['reads_as']} ({row['why']})"
    return found, ""


@cache
def table_of_errata() -> list[dict[str, str]]:
    return table("errata.csv")
