"""Entry price: a minimum import price with a cliff, as the EU has for fruit and vegetables."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from floormodel.equilibrium.terms import Floor, Row, Terms, Unknown
from floormodel.market import Market
from floormodel.policies.base import Instrument, Money, Rate, Share, mask, register, routes


@register
class EntryPrice(Instrument):
    """A duty that fills the gap to an entry price, and a flat one where the border price is far below it.

    Condition: for each route b / (cliff entry_price) - 1  complementary to  0 <= y <= 1, and the top-up is
    (1 - y) min(max(0, entry_price - b), max_duty) + y max_duty, where b is the border price.

    Who pays: buyers in `importers` and, through a lower price at the gate, foreign producers; the importer's treasury collects.

    Fields
    ------
    good (good) : the good taxed.
    importers (regions) : regions that levy it.
    entry_price (USD/t) : border price from which there is no top-up.
    max_duty (USD/t) : duty on tonnes whose border price is below the cliff, and the largest duty above it.
    cliff (share of the entry price) : where the flat duty begins. 0.92 means 8 % below the entry price; 0 means that there is no cliff.
    origins (regions) : regions whose tonnes are taxed. None: every region that is not an importer.
    rate (share of the border price) : ad valorem duty, charged on top at every price.

    Limits: the flat duty lowers the border price further, so that a market can rest on either side of the cliff, and at it with y between
    0 and 1; the program finds one of these points, and a note says so. Duties that rise in steps of 2 % towards the cliff are a straight
    line here.

    Source: entry price system of the EU, Annex 2 to the Combined Nomenclature (Regulation (EEC) No 2658/87).
    """

    kind: Literal["entry_price"] = "entry_price"
    good: str
    importers: list[str] = Field(min_length=1)
    entry_price: float = Field(gt=0)
    max_duty: Money
    cliff: Share = 0.92
    origins: list[str] | None = None
    rate: Rate = 0.0

    region_fields: ClassVar[tuple[str, ...]] = ("importers", "origins")
    example_market: ClassVar[str] = "rare_earths"
    example: ClassVar[dict[str, Any]] = {"good": "ndpr_oxide", "importers": ["USA"], "entry_price": 110_000.0, "max_duty": 22_062.0,
                                         "rate": 0.032}
    example_source: ClassVar[str] = (
        "Oranges enter the EU at an entry price of 354 EUR/t, with a duty of 71 EUR/t where they cost at least 8 % less and 3.2 to 16 % ad "
        "valorem on top: Götz and Grethe, 'How effective is the EU's import regime for oranges?', 2006, table 1, "
        "ageconsearch.umn.edu/record/10095, in force since December 1995; its use for NdPr at the border of the United States, in the same "
        "proportions to 110 USD/kg, is an assumption.")
    slack: ClassVar[dict[str, Any]] = {"entry_price": 1.0, "rate": 0.0}

    def add(self, terms: Terms, market: Market, number: int) -> None:
        b, good = terms.benchmark, market.goods.index(self.good)
        importers = mask(self.importers, market.regions)
        taxed = routes(~importers if self.origins is None else mask(self.origins, market.regions), importers) & b.trade[good]
        if not taxed.any():
            self.inert(terms, f"no benchmark imports of {self.good!r} on these routes")
            return
        terms.add_import(good, taxed, self.rate, 0.0, replace=False)
        if self.cliff == 0:
            terms.floors.append(Floor(number, good, self.entry_price, taxed, self.max_duty))
            return
        terms.notes.append("entry_price: a cliff allows more than one equilibrium; the result is one of them")
        for o, d in np.argwhere(taxed):
            route = np.zeros_like(taxed)
            route[o, d] = True
            terms.floors.append(Floor(number, good, self.entry_price, route, self.max_duty, unknown=len(terms.unknowns),
                                      by_unknown=(1.0, -1.0, self.max_duty)))
            terms.unknowns.append(Unknown(
                f"cliff[{market.regions[o]}-{market.regions[d]}]", number, good, "1", np.ones(1), np.zeros(1), np.ones(1),
                Row(constant=-1.0, border=route[None] / (self.cliff * self.entry_price)), "floor_levy"))
