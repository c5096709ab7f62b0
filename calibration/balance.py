"""Balancing as the calibration uses it: see `floormodel.balancing`."""

from floormodel.balancing import Move, balance, movements

__all__ = ["Move", "balance", "movements"]
