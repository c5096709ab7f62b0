"""What tests of paths share: a market with the elasticities of the short run, and one plant that may be built."""

import pytest

import floormodel as fm


@pytest.fixture(scope="session")
def short():
    return fm.load_market("rare_earths", horizon="short")


@pytest.fixture(scope="session")
def plans():
    return [fm.Plan(fm.load_projects("rare_earths")["ndpr_refinery"], per_year=1000.0, total=2500.0, non_delivery=0.2)]
