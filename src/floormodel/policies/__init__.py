"""Instruments, one file each. Importing this package fills the registry."""

from floormodel.policies.base import REGISTRY, Instrument, check_all
from floormodel.policies.buyer_collar import BuyerCollar
from floormodel.policies.capex_subsidy import CapexSubsidy
from floormodel.policies.domestic_processing import DomesticProcessing
from floormodel.policies.entry_price import EntryPrice
from floormodel.policies.export_quota import ExportQuota
from floormodel.policies.export_tax import ExportTax
from floormodel.policies.import_tariff import ImportTariff
from floormodel.policies.market_power import MarketPower
from floormodel.policies.price_floor import PriceFloor
from floormodel.policies.price_gap_subsidy import PriceGapSubsidy
from floormodel.policies.production_subsidy import InputSubsidy, ProductionSubsidy
from floormodel.policies.stockpile import Stockpile
from floormodel.policies.tariff_rate_quota import TariffRateQuota
from floormodel.policies.use_tax import UseTax
from floormodel.policies.variable_levy_quota import VariableLevyQuota

__all__ = [
    "REGISTRY", "BuyerCollar", "CapexSubsidy", "DomesticProcessing", "EntryPrice", "ExportQuota", "ExportTax",
    "ImportTariff", "InputSubsidy", "Instrument", "PriceFloor", "PriceGapSubsidy", "ProductionSubsidy",
    "Stockpile", "TariffRateQuota", "UseTax", "VariableLevyQuota", "check_all",
]
