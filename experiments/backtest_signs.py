"""The sign of theory: the way a measure alone moves what was observed, whatever else happens; +1 up, -1 down, 0 not at all.

Signs are of partial equilibrium with sloping curves and no market power: a charge or limit at a border is shared by both sides of it, a
limit at home is scarcity everywhere, a payment to producers is plenty everywhere (Corden, Trade Policy and Economic Welfare, 1974).
`_elsewhere` is a region other than the one that acts. What a family does not name, and a kind without family, has no sign.
"""

from __future__ import annotations

from collections.abc import Mapping

import floormodel as fm
from experiments.backtest_events import Event, Observation

Signs = Mapping[str, int]
REGIONAL = ("imports", "output", "output_share", "payment")

# Exports held back, by a limit or a charge: dear abroad, cheap at home.
EXPORTS_HELD_BACK: Signs = {"outside_price": 1, "inside_price": -1, "wedge": 1, "exports": -1, "imports_elsewhere": -1, "output": -1,
                            "output_share": -1, "output_elsewhere": 1, "output_share_elsewhere": 1}
# Output held back: dear everywhere.
OUTPUT_HELD_BACK: Signs = {"outside_price": 1, "inside_price": 1, "exports": -1, "imports_elsewhere": -1, "output": -1, "output_share": -1,
                           "output_elsewhere": 1, "output_share_elsewhere": 1}
# Imports held back, by a limit, a charge or a floor: dear at home, cheap abroad.
IMPORTS_HELD_BACK: Signs = {"outside_price": -1, "inside_price": 1, "wedge": -1, "exports": -1, "imports": -1, "output": 1,
                            "output_share": 1, "output_elsewhere": -1, "output_share_elsewhere": -1, "payment": 1}
# Producers are paid, or capacity is added: cheap everywhere.
OUTPUT_RAISED: Signs = {"outside_price": -1, "inside_price": -1, "exports": 1, "imports": -1, "output": 1, "output_share": 1,
                        "output_elsewhere": -1, "output_share_elsewhere": -1, "payment": 1}
PAID_BY_BUYERS: Signs = {metric: sign for metric, sign in OUTPUT_RAISED.items() if metric != "inside_price"}
# Use is taxed: cheap everywhere before the tax.
USE_HELD_BACK: Signs = {"outside_price": -1, "inside_price": -1, "exports": 1, "imports": -1, "output": -1, "output_elsewhere": -1}
# A stock sells, or buys.
SOLD: Signs = {"outside_price": -1, "inside_price": -1, "exports": 1, "imports": -1, "imports_elsewhere": 1, "output": -1,
               "output_elsewhere": -1}
BOUGHT: Signs = {metric: -sign for metric, sign in SOLD.items()}

FAMILIES: Mapping[str, Signs] = {
    **dict.fromkeys(("export_quota", "export_licence", "export_tax", "export_escalation", "domestic_processing", "domestic_supply",
                     "dual_pricing"), EXPORTS_HELD_BACK),
    **dict.fromkeys(("import_tariff", "tariff_rate_quota", "variable_levy_quota", "entry_price", "price_floor"), IMPORTS_HELD_BACK),
    **dict.fromkeys(("market_power", "mining_tax"), OUTPUT_HELD_BACK),
    **dict.fromkeys(("price_gap_subsidy", "production_subsidy", "capex_subsidy"), OUTPUT_RAISED),
    "buyer_collar": PAID_BY_BUYERS, "use_tax": USE_HELD_BACK}
BY_FIELDS = ("stockpile", "processing_capacity")  # the sign is in the fields
# Which way these move a market depends on figures, on their partner measure or on who is named: no sign.
WITHOUT_SIGN = ("content_adjustment", "corridor", "evasion", "input_subsidy", "local_content", "offtake", "standards_market")


def signs_of(policy: fm.Instrument) -> Signs | None:
    """Signs by metric of one instrument. None where theory has none: for the kind, or as it replaces a charge in force (which may rise or
    fall), or has a rate below 0."""
    fields = policy.model_dump()
    charges = (fields.get("rate", 0), fields.get("levy", 0), *fields.get("rates", {}).values())
    if fields.get("replaces_existing") or min(charges) < 0:
        return None
    if policy.kind == "stockpile":
        sold, bought = fields["release"] > 0, fields["purchase"] > 0
        return None if sold == bought else SOLD if sold else BOUGHT
    if policy.kind == "processing_capacity":
        less = fields["limit"] is not None or fields["electricity_price_factor"] > 1
        more = fields["added"] > 0 or fields["electricity_price_factor"] < 1
        return None if less == more else OUTPUT_HELD_BACK if less else OUTPUT_RAISED
    return FAMILIES.get(policy.kind)


def sign_of_theory(event: Event, seen: Observation) -> int | None:
    """+1, -1 or 0: the way the first instrument of the first variant moves what was observed; None where theory has no sign."""
    signs = signs_of(event.policies(event.variant[0])[0].policy) or {}
    elsewhere = seen.metric in REGIONAL and seen.region not in event.actor
    return signs.get(f"{seen.metric}_elsewhere" if elsewhere else seen.metric)
