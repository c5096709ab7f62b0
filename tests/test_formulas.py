"""Formulas of trade policy at the points where their sources evaluate them."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

from floormodel.equilibrium.wedges import top_up
from floormodel.errors import DataError
from floormodel.indicators.downstream import effective_rate_of_protection

CASES = tomllib.loads((Path(__file__).parent / "cases" / "formulas.toml").read_text())


def test_flexible_levy_and_the_point_where_its_floor_fails():
    case = CASES["capri_flexible_levy"]
    cif = np.array(case["cif"])
    levy, slope = top_up(case["minimum_border_price"], cif, case["bound_tariff"])
    assert np.array_equal(levy, case["levy"])
    assert np.array_equal(cif + levy, case["landed"])
    assert list(slope[[0, 4, 8]]) == [0, -1, 0]  # no levy, levy at work, levy at its bound


@pytest.mark.parametrize("case", CASES["effective_protection"], ids=lambda case: case["title"])
def test_effective_protection_of_published_examples(case):
    share = case["input_value"] / case["output_price"]
    rate = effective_rate_of_protection(case["output_rate"], case["input_rate"], share)
    assert rate == pytest.approx(case["rate"], rel=1e-12)
    assert case["value_added_before"] * (1 + rate) == pytest.approx(case["value_added_after"], rel=1e-12)


def test_a_floor_on_the_input_is_negative_protection_of_the_processor():
    case = CASES["input_floor"]
    rates = effective_rate_of_protection(
        [case["output_rate"], 0.0, case["neutral_output_rate"]], case["input_rate"], case["input_share"])
    assert rates == pytest.approx([case["rate"], case["rate_without_output_tariff"], 0.0], abs=1e-10)


@pytest.mark.parametrize("share", [1.0, 1.2, -0.1])
def test_an_input_share_without_value_added_is_refused(share):
    with pytest.raises(DataError):
        effective_rate_of_protection(0.1, 0.1, share)
