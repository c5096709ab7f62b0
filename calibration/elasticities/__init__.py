"""Price elasticities of supply and demand: the literature pooled to priors, and own estimates beside them."""

from calibration.elasticities.tables import build

__all__ = ["build"]
