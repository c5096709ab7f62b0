"""A second real cost test: the published cash flow of a cobalt refinery gives its published value and rate of return.

The published flow is that of one year and before tax; the tax schedule and the years in which capex is spent are not
told, so the value is asked for within 10 % and the rate of return, of a plant that pays back in two years, within 5
points.
"""

import tomllib
from pathlib import Path

import pytest

from floormodel.finance.cashflow import irr, npv
from floormodel.finance.project import Project, project_cash_flow

CASE = tomllib.loads((Path(__file__).parent / "cases" / "first_cobalt.toml").read_text())


def test_published_cash_flow_gives_the_published_value_and_rate():
    capex = CASE["capex_musd"]
    project = Project("first_cobalt", "refined", "CAN", "refining", capex=capex, opex=0.0, life=CASE["life"],
                      hurdle=CASE["discount_rate"], sustaining=CASE["sustaining_musd"] / capex / CASE["life"],
                      **CASE["assumed"])
    flows = project_cash_flow(project, CASE["pretax_cash_flow_musd"])
    assert npv(CASE["discount_rate"], flows) == pytest.approx(CASE["npv_musd"], rel=0.10)
    assert irr(flows).rate == pytest.approx(CASE["irr"], abs=0.05)
