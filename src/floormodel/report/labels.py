"""Names, units and number formats that readers see: one place for charts, tables, brief and workbook."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

REGIONS = {
    "ARE": "United Arab Emirates",
    "ARG": "Argentina",
    "AUS": "Australia",
    "BEL": "Belgium",
    "BOL": "Bolivia",
    "BRA": "Brazil",
    "CAN": "Canada",
    "CHL": "Chile",
    "CHN": "China",
    "COD": "DR Congo",
    "CUB": "Cuba",
    "EU27": "European Union",
    "FIN": "Finland",
    "GAB": "Gabon",
    "GBR": "United Kingdom",
    "GHA": "Ghana",
    "GIN": "Guinea",
    "IDN": "Indonesia",
    "IND": "India",
    "ISL": "Iceland",
    "JPN": "Japan",
    "KAZ": "Kazakhstan",
    "KOR": "Korea",
    "MAR": "Morocco",
    "MDG": "Madagascar",
    "MEX": "Mexico",
    "MMR": "Myanmar",
    "MOZ": "Mozambique",
    "MYS": "Malaysia",
    "NCL": "New Caledonia",
    "NOR": "Norway",
    "PER": "Peru",
    "PHL": "Philippines",
    "PNG": "Papua New Guinea",
    "PRK": "North Korea",
    "ROW": "Rest of world",
    "RUS": "Russia",
    "RWA": "Rwanda",
    "THA": "Thailand",
    "TJK": "Tajikistan",
    "TUR": "Türkiye",
    "TZA": "Tanzania",
    "USA": "United States",
    "VNM": "Viet Nam",
    "ZAF": "South Africa",
    "ZMB": "Zambia",
    "ZWE": "Zimbabwe",
    "world": "World",
    "bloc": "Bloc",
    "dominant": "Dominant suppliers",
    "others": "Other countries",
}
GOODS = {
    "ndpr_oxide": "NdPr oxide",
    "mined": "ore",
    "refined": "refined material",
    "magnet": "magnets",
    "spherical": "spherical graphite",
    "ferrosilicon": "ferro-silicon",
    "all": "all stages",
}
INDICATORS = {
    "price": "Producer price",
    "output": "Output",
    "producer_revenue": "Producer revenue",
    "value_added": "Value added",
    "margin": "Margin after inputs",
    "buyer_price": "Buyer price",
    "use": "Use",
    "final_demand": "Final demand",
    "imports": "Imports",
    "exports": "Exports",
    "net_import_reliance": "Net import reliance",
    "world_output": "World output",
    "world_supply": "World supply, recycled tonnes included",
    "recycled": "Recycled tonnes",
    "revenue_and_rents": "Producer revenue with rents owned at home",
    "dominant_share": "Share of the dominant supplier",
    "top3_share": "Share of the three largest",
    "hhi_low": "HHI, lower bound",
    "non_dominant_supply": "Supply outside the dominant supplier",
    "hhi_high": "HHI, upper bound",
    "effective_suppliers": "Effective number of suppliers",
    "bloc_output": "Output of the bloc",
    "hhi_bloc_imports": "HHI of the bloc's imports",
    "hhi_bloc_supply": "HHI of the bloc's supply",
    "dominant_share_of_bloc_supply": "Dominant supplier's share of the bloc's supply",
    "price_inside": "Buyers' price in the bloc",
    "price_outside": "Buyers' price outside",
    "bloc_producer_price": "Producer price in the bloc",
    "induced_tonnes": "Induced tonnes, outside the dominant supplier",
    "bloc_induced_tonnes": "Induced tonnes, in the bloc",
    "free_rider_tonnes": "Tonnes paid for that would be made anyway",
    "leakage": "Leakage of downstream output",
    "welfare_consumers": "Final consumers",
    "welfare_producers": "Producers",
    "welfare_treasury": "Treasury",
    "welfare_rent_holders": "Holders of quota and undertaking rents",
    "welfare_stockholders": "Owners of stock changes",
    "welfare_buyers": "Buyers under contract",
    "cost_per_induced_tonne_treasury": "Cost to treasuries per induced tonne",
    "cost_per_induced_tonne_buyers": "Cost to buyers per induced tonne",
    "cost_per_induced_tonne_members_total": "Cost to the bloc in all per induced tonne",
    "cost_per_bloc_tonne_treasury": "Cost to treasuries per induced tonne in the bloc",
    "cost_per_bloc_tonne_buyers": "Cost to buyers per induced tonne in the bloc",
    "cost_per_bloc_tonne_members_total": "Cost to the bloc in all per induced tonne in the bloc",
}
# Indicators that are changes against no policy by nature: they have no level without policy
CHANGES_BY_NATURE = (
    "induced_tonnes", "bloc_induced_tonnes", "free_rider_tonnes", "leakage", "welfare_consumers", "welfare_producers",
    "welfare_treasury", "welfare_rent_holders", "welfare_stockholders", "welfare_buyers", "cost_per_induced_tonne_treasury",
    "cost_per_induced_tonne_buyers", "cost_per_induced_tonne_members_total", "cost_per_bloc_tonne_treasury",
    "cost_per_bloc_tonne_buyers", "cost_per_bloc_tonne_members_total",
)
ACCOUNTS = {
    "consumer_surplus": "Consumers' surplus", "producer_surplus": "Producers' surplus", "secondary_surplus": "Recyclers' surplus",
    "benchmark_stock": "Value of benchmark stock changes", "export_charge": "Export taxes and charges", "import_duty": "Import duties",
    "floor_levy": "Levy that holds the floor", "content_duty": "Duty on floored content", "royalty": "Royalties",
    "subsidy": "Producer subsidies", "guarantee_outlay": "Gap payments", "clawback": "Gap payments returned",
    "stock_purchases": "Stock purchases", "stock_release": "Stock sales", "stock_value": "Value of stock held", "quota_rent": "Quota rents",
    "undertaking_rent": "Undertaking rents", "licence_rent": "Rents of import licences", "use_tax": "Taxes on use",
    "profit_tax": "Taxes on profit", "standards_penalty": "Penalties of the standard", "dual_pricing": "Dual pricing",
    "levy_on_use": "Levies on use", "markup_rent": "Rents of market power", "offtake_receipt": "Offtake contracts, sellers",
    "offtake_cost": "Offtake contracts, buyers", "public_offtake": "Offtake contracts, treasury", "collar": "Contract prices, buyers",
}
OWNERS = {"consumers": "Final consumers", "producers": "Producers", "treasury": "Treasury", "rent_holders": "Quota and undertaking rents",
          "stockholders": "Owners of stock changes", "buyers": "Buyers under contract"}
# Lines whose sign a tighter policy does not determine: random markets split on it (docs/results.md)
SIGN_VARIES = {
    "hhi_low": "concentration",
    "hhi_high": "concentration",
    "effective_suppliers": "concentration",
    "dominant_share": "concentration",
    "top3_share": "concentration",
    "hhi_bloc_imports": "concentration",
    "hhi_bloc_supply": "concentration",
    "price": "producer prices",
    "bloc_producer_price": "producer prices",
    "producer_revenue": "producer revenue",
    "price_outside": "buyers' prices outside",
    "welfare_consumers": "consumers outside",
    "welfare_treasury": "treasury",
}
# unit of the results -> (unit for readers, factor, most decimals)
READER_UNITS = {
    "USD/t": ("USD/kg", 1e-3, 2),
    "t/yr": ("kt/yr", 1e-3, 2),
    "USD/yr": ("USD m/yr", 1e-6, 1),
    "share": ("%", 100.0, 1),
    "0-1": ("0 to 1", 1.0, 4),
    "number": ("number", 1.0, 2),
    "USD per t/yr": ("USD per kg/yr", 1e-3, 1),
}
DECIMALS = {shown: decimals for shown, _, decimals in READER_UNITS.values()}
QUANTILES = ("q05", "q50", "q95")
NO_POLICY = "No policy"  # name of the scenario without any instrument, in tables and charts


def region_name(code: str) -> str:
    """Name of a region or group; an unknown code stands for itself."""
    return REGIONS.get(code, code)


def good_name(code: str) -> str:
    """Name of a good: `ndpr_oxide` is NdPr oxide; others lose their underscores."""
    return GOODS.get(code, code.replace("_", " "))


def indicator_name(code: str) -> str:
    """Name of an indicator."""
    return INDICATORS.get(code, capitalised(code.replace("_", " ")))


def producers_name(good: str) -> str:
    """Who makes a good: mines, refiners, makers of magnets."""
    return {"mined": "Mines", "refined": "Refiners"}.get(good, f"Makers of {good_name(good)}")


def capitalised(text: str) -> str:
    """First letter in upper case, the others as they are (NdPr stays NdPr)."""
    return text[:1].upper() + text[1:]


def sign_note(indicators: Iterable[str]) -> str:
    """The sentence for lines whose sign depends on the calibration; empty where none is shown."""
    kinds = list(dict.fromkeys(SIGN_VARIES[i] for i in indicators if i in SIGN_VARIES))
    return f"Sign depends on calibration: {', '.join(kinds)}." if kinds else ""


def for_readers(frame: pd.DataFrame) -> pd.DataFrame:
    """Quantile columns and `unit` in units for readers: kt, USD/kg, USD m, per cent. Unknown units stay, and tonnes where all are
    below a thousand."""
    out = frame.copy()
    tonnes = float(np.nanmax(np.abs(out.loc[out["unit"] == "t/yr", [c for c in QUANTILES if c in out]].to_numpy(float)), initial=0.0))
    units = {u: shown for u, shown in READER_UNITS.items() if u != "t/yr" or tonnes >= 1000}
    factor = out["unit"].map(lambda u: units.get(u, (u, 1.0, 0))[1]).astype(float)
    for column in QUANTILES:
        if column in out:
            out[column] = out[column] * factor
    out["unit"] = out["unit"].map(lambda u: units.get(u, (u, 1.0, 0))[0])
    return out


def decimals_for(values: Iterable[float], unit: str = "") -> int:
    """Decimals that show three figures of the largest of `values`, never more than the unit carries."""
    largest = max((abs(v) for v in values if math.isfinite(v)), default=0.0)
    if largest == 0:
        return 0
    return max(0, min(DECIMALS.get(unit, 2), 2 - math.floor(math.log10(largest))))


def format_number(value: float, unit: str = "", decimals: int | None = None) -> str:
    """A number for readers: three figures, commas for thousands, a true minus sign; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    places = decimals_for([value], unit) if decimals is None else decimals
    text = f"{value:,.{places}f}"
    if not any(c in "123456789" for c in text):
        text = text.lstrip("-")
    return text.replace("-", "−")


def format_range(low: float, middle: float, high: float, unit: str = "") -> str:
    """``12 (8 to 15)``; the middle alone where the three print alike."""
    places = decimals_for([low, middle, high], unit)
    texts = [format_number(v, unit, places) for v in (low, middle, high)]
    return texts[1] if texts[0] == texts[1] == texts[2] else f"{texts[1]} ({texts[0]} to {texts[2]})"


def region_groups(dominant: Iterable[str], bloc: Iterable[str], regions: Iterable[str], exporting: bool = False) -> Mapping[str, list[str]]:
    """Regions in three groups by name: the buying bloc (or the countries that limit their exports), dominant suppliers outside it, the
    other countries."""
    regions, bloc = list(regions), set(bloc)
    lead = [r for r in regions if r in set(dominant) - bloc]
    rest = [r for r in regions if r not in bloc and r not in lead]
    members = [r for r in regions if r in bloc]
    groups = {
        "Limiting exports: " + ", ".join(map(region_name, members)) if exporting else "Buying bloc": members,
        "Dominant: " + ", ".join(region_name(r) for r in lead): lead,
        "Other countries": rest,
    }
    return {name: members for name, members in groups.items() if members}
