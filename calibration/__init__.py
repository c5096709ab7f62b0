"""Building the markets that ship with floormodel from our own tables of figures: `python -m calibration MARKET`."""
