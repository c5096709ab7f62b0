"""Instruments, one file each. Importing this package fills the registry."""

from floormodel.policies.base import REGISTRY, Instrument, check_all
from floormodel.policies.buyer_collar import BuyerCollar
from floormodel.policies.capex_subsidy import CapexSubsidy
from floormodel.policies.content_adjustment import ContentAdjustment
from floormodel.policies.corridor import Corridor
from floormodel.policies.domestic_processing import DomesticProcessing
from floormodel.policies.domestic_supply import DomesticSupply
from floormodel.policies.dual_pricing import DualPricing
from floormodel.policies.entry_price import EntryPrice
from floormodel.policies.evasion import Evasion
from floormodel.policies.export_escalation import ExportEscalation
from floormodel.policies.export_licence import ExportLicence
from floormodel.policies.export_quota import ExportQuota
from floormodel.policies.export_tax import ExportTax
from floormodel.policies.import_tariff import ImportTariff
from floormodel.policies.local_content import LocalContent
from floormodel.policies.market_power import MarketPower
from floormodel.policies.mining_tax import MiningTax
from floormodel.policies.offtake import Offtake
from floormodel.policies.price_floor import PriceFloor
from floormodel.policies.price_gap_subsidy import PriceGapSubsidy
from floormodel.policies.processing_capacity import ProcessingCapacity
from floormodel.policies.production_subsidy import InputSubsidy, ProductionSubsidy
from floormodel.policies.reference import ReferencePrice
from floormodel.policies.standards_market import StandardsMarket
from floormodel.policies.stockpile import Stockpile
from floormodel.policies.tariff_rate_quota import TariffRateQuota
from floormodel.policies.use_tax import UseTax
from floormodel.policies.variable_levy_quota import VariableLevyQuota

__all__ = [
    "REGISTRY", "BuyerCollar", "CapexSubsidy", "ContentAdjustment", "Corridor", "DomesticProcessing",
    "DomesticSupply", "DualPricing", "EntryPrice", "Evasion", "ExportEscalation", "ExportLicence", "ExportQuota",
    "ExportTax", "ImportTariff", "InputSubsidy", "Instrument", "LocalContent", "MarketPower", "MiningTax", "Offtake",
    "PriceFloor", "PriceGapSubsidy", "ProcessingCapacity", "ProductionSubsidy", "ReferencePrice", "StandardsMarket",
    "Stockpile", "TariffRateQuota", "UseTax", "VariableLevyQuota", "check_all",
]
