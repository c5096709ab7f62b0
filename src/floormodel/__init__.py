"""floormodel: what a critical-minerals trade measure does, to whom, and what it costs."""

from floormodel.ensemble import sample
from floormodel.errors import ConvergenceError, DataError, FloormodelError, ScenarioError
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
from floormodel.results import Comparison, Equilibrium, compare, solve

__version__ = "0.1.0"


def list_policies() -> list[str]:
    """Kinds of instruments, as a study file names them."""
    return sorted(REGISTRY)


__all__ = [
    "Comparison", "ConvergenceError", "DataError", "Equilibrium", "ExportQuota", "ExportTax", "FloormodelError", "ImportTariff",
    "Instrument", "Market", "PriceFloor", "PriceGapSubsidy", "ScenarioError", "Stockpile", "compare", "linear_response", "list_markets",
    "list_policies", "load_market", "market_from_arrays", "sample", "solve",
]
