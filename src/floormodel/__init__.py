"""floormodel: what a critical-minerals trade measure does, to whom, and what it costs."""

from floormodel.constraints import binding
from floormodel.difference import Difference, diff
from floormodel.dynamics.buffer import FreeMarket, buffer_stock
from floormodel.dynamics.entry import Plan
from floormodel.dynamics.growth import Disruption, load_projections
from floormodel.dynamics.plans import load_plans
from floormodel.dynamics.response import Reserve, SupplyStop, rapid_response
from floormodel.dynamics.schedule import Dated
from floormodel.dynamics.simulate import Path, simulate
from floormodel.dynamics.stock_path import StockPath, Store, stock_path
from floormodel.dynamics.stock_replanned import replanned_stocks, supply_shocks
from floormodel.dynamics.stock_rule import StockRule
from floormodel.dynamics.storage_market import StorageMarket, lognormal_shocks, normal_shocks
from floormodel.dynamics.storage_policy import PriceBand, PublicFloor
from floormodel.dynamics.storage_run import simulate_storage, solve_storage, storage_table
from floormodel.dynamics.storage_vault import Vault, vault_value
from floormodel.ensemble import sample
from floormodel.equilibrium.solve import Solved
from floormodel.errors import ConvergenceError, DataError, FloormodelError, ScenarioError
from floormodel.explain import Explanation, explain
from floormodel.finance.debt import DebtTerms
from floormodel.finance.price_process import OrnsteinUhlenbeck, load_price_risk
from floormodel.finance.project import Project, load_projects
from floormodel.hosts import load_hosts, with_host_output
from floormodel.indicators.location import location_choice
from floormodel.indicators.plant_prices import PlantPrices, read_prices
from floormodel.indicators.project_finance import price_for_chance, project_finance
from floormodel.indicators.resilience import n_minus_one
from floormodel.indicators.supply_tables import concentration_tables
from floormodel.indicators.viability import viability
from floormodel.market import Market, list_markets, load_market, market_from_arrays
from floormodel.policies import (
    REGISTRY,
    BuyerCollar,
    CapexSubsidy,
    ContentAdjustment,
    Corridor,
    DomesticProcessing,
    DomesticSupply,
    DualPricing,
    EntryPrice,
    Evasion,
    ExportEscalation,
    ExportLicence,
    ExportQuota,
    ExportTax,
    ImportTariff,
    InputSubsidy,
    Instrument,
    LocalContent,
    MarketPower,
    MiningTax,
    Offtake,
    PriceFloor,
    PriceGapSubsidy,
    ProcessingCapacity,
    ProductionSubsidy,
    ReferencePrice,
    StandardsMarket,
    Stockpile,
    TariffRateQuota,
    UseTax,
    VariableLevyQuota,
)
from floormodel.response import linear_response
from floormodel.results import Comparison, Equilibrium, Indicators, compare, solve
from floormodel.scenario import Study, read_study
from floormodel.search import group_output, scale_to
from floormodel.sensitivity import tornado
from floormodel.strategy.joint_levy import Coalition, coalition, joint_measure
from floormodel.strategy.membership import Club, club
from floormodel.strategy.payoffs import Payoff
from floormodel.strategy.replies import BestReply, Player, Rounds, best_reply, retaliation_rounds
from floormodel.textbook import linear_market

__version__ = "0.1.0"


def list_policies() -> list[str]:
    """Kinds of instruments, as a study file names them."""
    return sorted(REGISTRY)


__all__ = [
    "BestReply", "BuyerCollar", "CapexSubsidy", "Club", "Coalition", "Comparison", "ContentAdjustment",
    "ConvergenceError", "Corridor", "DataError", "Dated", "DebtTerms", "Difference", "Disruption",
    "DomesticProcessing", "DomesticSupply", "DualPricing", "EntryPrice", "Equilibrium", "Evasion", "Explanation",
    "ExportEscalation", "ExportLicence", "ExportQuota", "ExportTax", "FloormodelError", "FreeMarket", "ImportTariff",
    "Indicators", "InputSubsidy", "Instrument", "LocalContent", "Market", "MarketPower", "MiningTax", "Offtake",
    "OrnsteinUhlenbeck", "Path", "Payoff", "Plan", "PlantPrices", "Player", "PriceBand", "PriceFloor",
    "PriceGapSubsidy", "ProcessingCapacity", "ProductionSubsidy", "Project", "PublicFloor", "ReferencePrice",
    "Reserve", "Rounds", "ScenarioError", "Solved", "StandardsMarket", "StockPath", "StockRule", "Stockpile",
    "StorageMarket", "Store", "Study", "SupplyStop", "TariffRateQuota", "UseTax", "VariableLevyQuota", "Vault",
    "best_reply", "binding", "buffer_stock", "club", "coalition", "compare", "concentration_tables", "diff",
    "explain", "group_output", "joint_measure", "linear_market", "linear_response", "list_markets", "list_policies",
    "load_hosts", "load_market", "load_plans", "load_price_risk", "load_projections", "load_projects",
    "location_choice", "lognormal_shocks", "market_from_arrays", "n_minus_one", "normal_shocks", "price_for_chance",
    "project_finance", "rapid_response", "read_prices", "read_study", "replanned_stocks", "retaliation_rounds",
    "sample", "scale_to", "simulate", "simulate_storage", "solve", "solve_storage", "stock_path", "storage_table",
    "supply_shocks", "tornado", "vault_value", "viability", "with_host_output",
]
