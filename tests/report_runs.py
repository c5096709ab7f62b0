"""The run that the tests of charts, tables, brief and exports look at, and texts that a careless page would run."""

import floormodel as fm

BLOC = ["USA", "EU27", "JPN", "KOR"]
NASTY = "<script>alert('x')</script> & $\\alpha$ =1+1 100 %"


def floors_on_oxide() -> fm.Comparison:
    """A floor on NdPr oxide without and with coverage of magnets, 20 draws; one scenario's name looks like a formula."""
    market = fm.sample(fm.load_market("rare_earths"), 20, seed=7)
    floor = fm.PriceFloor(good="ndpr_oxide", members=BLOC, price=110_000)
    covered = fm.PriceFloor(good="ndpr_oxide", members=BLOC, price=110_000, coverage=["magnet"])
    return fm.compare(market, {"Floor": [floor], "=Covered": [covered]})
