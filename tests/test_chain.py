"""A market built from its folder of figures alone: a small one whose tonnes are worked out by hand, and what it refuses."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import floormodel as fm
from calibration import chain
from calibration.chain_quantities import quantities
from calibration.chain_tables import read_chain
from floormodel.errors import DataError

TAIL = "value,unit,low,high,year,source,note"
HEAD = """
name = "toy"
title = "Toy: mine, metal"
year = 2024
currency = "USD"
basis = "t metal"
goods = ["mined", "refined"]
regions = ["CHN", "USA", "ROW"]
tables = ["quantities.csv", "prices.csv", "wedges.csv", "parameters.csv"]
[blocs]
allies = ["USA"]
[notes]
basis = "Made up for the test."
"""
# mined: CHN 60 kt, USA 20 000 t, world 100 kt, so 20 kt in ROW. Metal: 9/10 of what the ore makes at 1.25 t/t, that is
# 100 / 1.25 x 0.9 = 72 kt, CHN 75 % = 54, USA 25 % = 18; a tenth of it is scrap: primary 48.6 and 16.2, which need
# 60.75 and 20.25 kt of ore, 81 in all; 19 of the 100 kt of ore are left: 9 by final use in ROW, 10 into stocks.
PRODUCTION = f"""figure,good,region,partner,{TAIL}
output,mined,CHN,CHN,60,kt,50,70,2024,s,
output,mined,USA,USA,20000,t,,,2024,s,
world,mined,,,100,kt,,,2024,s,
recipe,refined,,mined,1.25,t/t,1.2,1.3,2024,assumption,recovery of 80 %
world_from_input,refined,,,0.9,share,0.85,0.95,2024,assumption,the rest is used as ore
output_share,refined,CHN,CHN,0.75,share of world,0.7,0.8,2024,s,
output_share,refined,USA,USA,0.25,share of world,,,2024,s,
secondary_share,refined,,,0.1,share,0.05,0.15,2024,assumption,scrap
content,mined,,t ore,0.5,t/t,,,2024,s,
use,mined,ROW,ROW,18000,t ore,,,2024,s,
use_share,refined,CHN,CHN,0.5,share of use,,,2024,s,
"""
TRADE = f"""figure,good,code,region,partner,{TAIL}
quantity,mined,260000,ROW,CHN,8000,t gross,,,2024,s,
quantity,mined,260000,ROW,USA,8000,t gross,,,2024,s,
content,mined,260000,ROW,,0.5,t/t,,,2024,s,
value,refined,811000,CHN,ROW,40000,kUSD,,,2024,s,
value,refined,811000,CHN,USA,20000,kUSD,,,2024,s,
unit_value,refined,811000,,,4000,USD/t,,,2024,s,
"""
PRICES = f"""figure,good,region,partner,{TAIL}
price,refined,,,36160,CNY/t salt incl. VAT,,,2024,s,
exchange,,,CNY,7.2,CNY per USD,,,2024,s,
vat,,CHN,,0.13,share,,,2024,s,
price_ratio,mined,,refined,0.5,share,0.4,0.6,2024,assumption,payable
freight_share,refined,,,0.02,share,0.01,0.03,2024,assumption,judged
"""
WEDGES = f"variable,good,region,partner,{TAIL}\nroyalty0,mined,USA,,0.05,share of gate price,,,2024,s,\n"
PARAMETERS = "\n".join([f"variable,good,region,partner,{TAIL}", *(
    f"{kind}_elasticity_{horizon},{good},*,,{value},1,,,2024,s," for kind, value in (("sourcing", 4), ("supply", 1), ("demand", 0.4))
    for horizon in ("short", "long") for good in ("mined", "refined"))]) + "\n"
CHECKS = f"figure,good,region,partner,{TAIL}\noutput,mined,CHN,other,66,kt,,,2024,s,\nuse,refined,,other,70,kt,,,2024,s,\n"
SOURCES = "id,title,publisher,year,address,licence,note\ns,A source,Nobody,2024,nowhere,none,\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "toy"
    place.mkdir()
    production = PRODUCTION.replace("content,mined,,t ore", "content,refined,,salt,0.5,t/t,,,2024,s,\ncontent,mined,,t ore")
    for name, text in (("production", production), ("trade", TRADE), ("prices", PRICES), ("wedges", WEDGES),
                       ("parameters", PARAMETERS), ("checks", CHECKS), ("sources", SOURCES)):
        (place / f"{name}.csv").write_text(text, encoding="utf-8")
    (place / "market.toml").write_text(HEAD, encoding="utf-8")
    return place


def change(folder: Path, table: str, old: str, new: str) -> Path:
    path = folder / f"{table}.csv"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return folder


def test_tonnes_by_hand(folder):
    q = quantities(read_chain(folder))
    assert np.allclose(q.output, [[60e3, 20e3, 20e3], [48.6e3, 16.2e3, 0]])
    assert np.allclose(q.secondary, [[0, 0, 0], [5.4e3, 1.8e3, 0]])
    assert np.allclose(q.demand[0], [0, 0, 9e3])
    assert np.allclose(q.stock, [[6e3, 2e3, 2e3], [0, 0, 0]])
    # metal: CHN uses half of 72; apparent use of the others is 18 + 5 (USA) and 10 (ROW), which share 36 kt
    assert np.allclose(q.demand[1], [36e3, 36e3 * 23 / 33, 36e3 * 10 / 33])
    assert np.allclose(q.flow[0].sum(1), [54e3, 18e3, 18e3]) and np.allclose(q.flow[0].sum(0), [60.75e3, 20.25e3, 9e3])
    assert np.allclose(q.flow[1].sum(1), [54e3, 18e3, 0]) and np.allclose(q.flow[1].sum(0), q.demand[1])
    assert not q.flow[1][1, 0] and not q.flow[0][0, 1]  # what no source shows stays closed


def test_the_market_that_is_written(folder, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    chain.build("toy", out, folder)
    market = fm.load_market("toy", folder=out)
    # 36 160 CNY/t of a salt half of which is metal, with 13 % VAT, at 7.2 CNY per USD
    metal = 36_160 / 1.13 / 7.2 / 0.5
    assert np.allclose(market.dataset["price0"].sel(good="refined"), metal)
    assert np.allclose(market.dataset["price0"].sel(good="mined"), 0.5 * metal)
    assert np.isclose(market.dataset["freight"].sel(good="refined", origin="CHN", destination="USA"), 0.02 * metal)
    run = fm.solve(market)
    assert run.converged.all() and run.solved.solution.iterations.max() == 0
    made = market.figures[(market.figures["variable"] == "output0") & (market.figures["good"] == "mined")].set_index("region")
    assert tuple(made.loc["CHN", ["low", "high"]]) == (50e3, 70e3)  # the row's own range holds the other source's 66 kt
    assert made.loc["ROW", "source"] == "assumption" and made.loc["ROW", "low"] == 0
    checks = (out / "cross_checks.csv").read_text()
    assert "output[mined],CHN,other,60000,66000,t/yr,0.909" in checks and "use[refined],world,other,72000,70000,t/yr,1.029" in checks
    again = tmp_path / "again"
    again.mkdir()
    chain.build("toy", again, folder)
    assert all((again / p.name).read_bytes() == p.read_bytes() for p in out.iterdir())


def test_elasticities_that_are_left_out_come_from_the_literature(folder, tmp_path):
    left_out = ("supply_elasticity_long,mined", "demand_elasticity_short,refined")
    kept = [line for line in PARAMETERS.splitlines() if not line.startswith(left_out)]
    (folder / "parameters.csv").write_text("\n".join(kept) + "\n", encoding="utf-8")
    out = tmp_path / "out"
    out.mkdir()
    chain.build("toy", out, folder)
    table = pd.read_csv(Path(fm.__file__).parent / "data" / "elasticities" / "priors.csv").query("mineral == 'all_metals'")
    prior = table.set_index(["kind", "horizon"])["value"]
    figures = {h: fm.load_market("toy", horizon=h, folder=out).dataset for h in ("short", "long")}
    assert np.allclose(figures["long"]["supply_elasticity"].sel(good="mined"), prior["supply", "long"], rtol=1e-3)
    assert np.allclose(figures["short"]["demand_elasticity"].sel(good="refined"), prior["demand", "short"], rtol=1e-3)
    assert "glombo" in set(pd.read_csv(out / "sources.csv")["id"])
    kept = [line for line in PARAMETERS.splitlines() if not line.startswith("supply_elasticity_long,refined")]
    (folder / "parameters.csv").write_text("\n".join(kept) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match="no supply_elasticity_long of refined"):
        chain.build("toy", out, folder)


@pytest.mark.parametrize("table, old, new, says", [
    ("production", "output,mined,USA,USA,20000,t,", "output,mined,USA,USA,20000,bushel,", "'bushel'"),
    ("production", "world,mined,,,100,kt", "world,mined,,,70,kt", "add up to 80000"),
    ("production", "world_from_input,refined", "world_from_inptu,refined", "did you mean 'world_from_input'"),
    ("production", "use,mined,ROW,ROW,18000,t ore", "no_use,mined,ROW,,1,1", "expected them within 15%"),
    ("production", "use_share,refined,CHN,CHN,0.5", "use_share,refined,CHN,CHN,1.5", "known users take"),
    ("production", "output,mined,USA", "stock,refined,ROW,,-100,t,,,2024,s,\noutput,mined,USA", "drawn in ROW, which make none"),
    ("production", "output,mined,USA", "output,mined,USSR", "expected a region of market.toml; known: CHN, ROW, USA"),
    ("trade", "quantity,mined,260000,ROW,USA", "quantity,mined,260000,CHN,USA", "no content of mined 260000 from CHN"),
    ("prices", "mined,,refined,0.5,share,0.4,0.6", "mined,,refined,0.85,share,0.4,0.9", "at least 1% of the price left"),
    ("prices", "CNY/t salt", "CNY/t sugar", "no row content,refined,,sugar"),
    ("wedges", ",s,", ",nobody,", "an id of sources.csv"),
])
def test_faults_are_named_and_nothing_is_written(folder, tmp_path, table, old, new, says):
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(DataError, match=f"(?s){says.replace('(', '.')}"):
        chain.build("toy", out, change(folder, table, old, new))
    assert not list(out.iterdir())


def test_a_missing_table_is_named(folder):
    (folder / "checks.csv").unlink()
    with pytest.raises(DataError, match=r"no checks.csv"):
        read_chain(folder)
