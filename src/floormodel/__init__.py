"""floormodel: what a critical-minerals trade measure does, to whom, and what it costs."""

from floormodel.ensemble import sample
from floormodel.errors import ConvergenceError, DataError, FloormodelError, ScenarioError
from floormodel.indicators.resilience import n_minus_one
from floormodel.market import Market, list_markets, load_market, market_from_arrays
from floormodel.policies import (
    REGISTRY,
    ExportQuota,
    ExportTax,
    ImportTariff,
    Instrument,
    PriceFloor,
    PriceGapSubsidy,
    Stockpile,
)
from floormodel.response import linear_response
from floormodel.results import Comparison, Equilibrium, Indicators, compare, solve
from floormodel.search import group_output, scale_to
from floormodel.sensitivity import tornado
from floormodel.textbook import linear_market

__version__ = "0.1.0"


def list_policies() -> list[str]:
    """Kinds of instruments, as a study file names them."""
    return sorted(REGISTRY)


__all__ = [
    "Comparison", "ConvergenceError", "DataError", "Equilibrium", "ExportQuota", "ExportTax", "FloormodelError",
    "ImportTariff", "Indicators", "Instrument", "Market", "PriceFloor", "PriceGapSubsidy", "ScenarioError",
    "Stockpile", "compare", "group_output", "linear_market", "linear_response", "list_markets", "list_policies",
    "load_market", "market_from_arrays", "n_minus_one", "sample", "scale_to", "solve", "tornado",
]
