"""Price units, currencies, value added tax and the year of the money made explicit: any quoted price to USD per tonne of what is priced.

A unit reads `CURRENCY/MASS`, with what the mass is of behind it where that is not the market's basis, and ` incl. VAT` where the price
contains it: ``USD/lb``, ``CNY/t Li2CO3 incl. VAT``, ``USD/mtu WO3``. The pound is that of 1959, 0.45359237 kg; a metric tonne unit
(`mtu`) is 10 kg. Money of one year becomes that of another by the consumer price index of the United States.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

import pandas as pd

from floormodel.errors import DataError, did_you_mean

TONNES = {"t": 1.0, "kg": 1e-3, "g": 1e-6, "lb": 0.45359237e-3, "mtu": 0.01, "kt": 1e3}
CENTS = {"UScents": ("USD", 0.01)}
VAT = " incl. VAT"


@dataclass(frozen=True)
class PriceUnit:
    """A unit taken apart: `factor` turns a price into the currency per tonne of `substance` ("" for the basis)."""

    currency: str
    factor: float
    substance: str
    with_vat: bool


def price_unit(unit: str) -> PriceUnit:
    """Take a unit apart. Raises DataError where it is not of the form above or its mass is unknown."""
    plain = unit.removesuffix(VAT)
    money, slash, mass = plain.partition("/")
    size, _, substance = mass.partition(" ")
    if not slash or not money.isalpha():
        raise DataError(f"unit {unit!r}: expected CURRENCY/MASS, such as USD/t, USD/lb or CNY/t incl. VAT")
    if size not in TONNES:
        raise DataError(f"unit {unit!r}: unknown mass {size!r}; {did_you_mean(size, TONNES)}")
    currency, part = CENTS.get(money, (money, 1.0))
    return PriceUnit(currency, part / TONNES[size], substance, unit.endswith(VAT))


def usd_per_tonne(price: float, unit: str, *, exchange: float | None = None, vat: float | None = None,
                  content: float | None = None) -> float:
    """A price in USD per tonne, without value added tax.

    Parameters
    ----------
    price : number in `unit`
    exchange : currency units per USD, for a price in another currency
    vat : rate of the tax as a share (0.13), for a price that contains it
    content : tonnes of the basis per tonne of the substance that the unit names (0.188 t Li per t Li2CO3)

    Raises
    ------
    DataError
        Where the unit needs one of these and it is not given or not positive (a rate of 0 or more), or one is given that it has no use
        for: nothing is guessed and nothing is ignored.
    """
    parts = price_unit(unit)
    value = price * parts.factor
    wants = (("exchange", exchange, parts.currency != "USD", "above 0"), ("vat", vat, parts.with_vat, "of 0 or more"),
             ("content", content, bool(parts.substance), "above 0"))
    for name, given, needed, least in wants:
        good = given is not None and (given > 0 or (name == "vat" and given == 0))
        if needed != (given is not None) or (needed and not good):
            wanted = f"a number {least}" if needed else "none"
            raise DataError(f"price in {unit}: found {name} = {given}; expected {wanted}")
    if exchange is not None:
        value /= exchange
    if vat is not None:
        value /= 1 + vat
    return value if content is None else value / content


def real(price: float, index: float, base: float) -> float:
    """A price in money of the base period: price x base / index. Raises DataError where an index is not positive."""
    if not (index > 0 and base > 0):
        raise DataError(f"price index: found {index} and {base}; expected numbers above 0")
    return price * base / index


def price_index() -> pd.Series:
    """Consumer price index of the United States by year (annual averages, 1982-84 = 100), with its sources in us_cpi_sources.csv."""
    with (resources.files("floormodel") / "data" / "us_cpi.csv").open(encoding="utf-8") as handle:
        return pd.read_csv(handle, index_col="year")["value"].astype(float)


def money_of(index: pd.Series, year: int, base: int) -> float:
    """What money of `year` is multiplied by to become money of `base`; a year after the last of `index` counts as that last one.

    Raises DataError for a year before the first one.
    """
    first, last = int(index.index[0]), int(index.index[-1])
    if min(year, base) < first:
        raise DataError(f"price index: found the year {min(year, base)}; expected {first} or later")
    return float(real(1.0, index[min(year, last)], index[min(base, last)]))
