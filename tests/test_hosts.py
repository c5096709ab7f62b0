"""By-products move with their hosts: shares by hand, and no host change is no change."""

import numpy as np
import pandas as pd
import pytest

import floormodel as fm
from calibration import hosts as calibration_hosts

SHARES = pd.DataFrame([("mined", "*", "copper", 0.6), ("mined", "*", "nickel", 0.3), ("mined", "COD", "copper", 0.95)],
                      columns=["good", "region", "host", "value"])


def test_supply_by_hand():
    """Copper makes 20 % less: 0.95 of it in DR Congo, 0.6 elsewhere; nickel a tenth more, in the Philippines only."""
    market = fm.load_market("cobalt")
    moved = fm.with_host_output(market, {"copper": 0.8, "nickel": {"PHL": 1.1}}, SHARES)
    shift = moved.dataset["supply_shift"].sel(good="mined")
    assert np.isclose(shift.sel(region="COD"), 1 - 0.95 * 0.2)
    assert np.isclose(shift.sel(region="PHL"), 1 - 0.6 * 0.2 + 0.3 * 0.1)
    assert np.isclose(shift.sel(region="CHN"), 1 - 0.6 * 0.2)
    assert np.all(moved.dataset["supply_shift"].sel(good="refined") == 1)
    half = fm.with_host_output(market, {"copper": 0.8}, SHARES, binding=0.5).dataset["supply_shift"].sel(good="mined")
    assert np.isclose(half.sel(region="COD"), 1 - 0.5 * 0.95 * 0.2)
    run, base = fm.solve(moved), fm.solve(market)
    assert run.converged.all() and max(run.identities().values()) < 1e-8
    made = run.dataset["output"] / base.dataset["output"]
    # less comes with copper; a dearer cobalt brings a part of it back
    assert 1 - 0.95 * 0.2 < float(made.sel(good="mined", region="COD")) < 1
    assert float(run.dataset["price"].sel(good="mined", region="COD")) > float(base.dataset["price"].sel(good="mined", region="COD"))


@pytest.mark.parametrize("name", ["cobalt", "gallium", "germanium", "antimony"])
def test_shipped_hosts(name):
    table, market = fm.load_hosts(name), fm.load_market(name)
    assert set(table["region"]) <= {"*", *market.regions} and set(table["good"]) <= set(market.goods)
    still = fm.with_host_output(market, dict.fromkeys(table["host"], 1.0))
    assert np.array_equal(still.dataset["supply_shift"], market.dataset["supply_shift"])


def test_faults():
    market = fm.load_market("cobalt")
    with pytest.raises(fm.ScenarioError, match=r"(?s)2 fault.*did you mean 'copper'.*0 or more"):
        fm.with_host_output(market, {"coper": 0.9, "nickel": -1.0}, SHARES)
    with pytest.raises(fm.ScenarioError, match="binding: found 2"):
        fm.with_host_output(market, {"copper": 0.9}, SHARES, binding=2.0)
    with pytest.raises(fm.DataError, match="has no hosts"):
        fm.load_hosts("rare_earths")


def test_calibration_refuses_shares_above_one(tmp_path):
    head = "variable,good,region,partner,value,unit,low,high,year,source,note\n"
    (tmp_path / "sources.csv").write_text("id,title,publisher,year,address,licence,note\ns,A,B,2024,nowhere,none,\n")
    rows = "".join(f"host_share,mined,*,{host},{share},share,,,2024,s,\n" for host, share in (("copper", 0.7), ("nickel", 0.4)))
    (tmp_path / "hosts.csv").write_text(head + rows)
    with pytest.raises(fm.DataError, match=r"add to 1\.1"):
        calibration_hosts.build(tmp_path, tmp_path / "out")
