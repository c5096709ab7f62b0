"""What lenders count on when the policy may be repealed, sized by hand."""

import pytest

from floormodel.finance.debt import DebtTerms
from floormodel.finance.price_process import OrnsteinUhlenbeck
from floormodel.finance.project import Project
from floormodel.indicators.plant_prices import PlantPrices
from floormodel.indicators.project_finance import project_finance


def test_lenders_under_doubt_count_on_one_case_that_may_come():
    """The policy in years in which it stands with a chance of nine in ten, then none; one that harms while it stands with one in ten."""
    risk, terms = OrnsteinUhlenbeck.from_half_life(2.0, 0.3), DebtTerms(0.05, 4, 1.4, 1.0, 0.0)
    plant = Project("plant", "refined", "USA", "refining", capex=1000.0, opex=20.0, life=6, build_years=2, hurdle=0.0, input_exposure=0.0)

    def debt(now, then, hazard, guaranteed=0.0):
        return float(project_finance(plant, PlantPrices(now), terms, risk, PlantPrices(then), paths=5, repeal_hazard=hazard,
                                     guaranteed_price=guaranteed).debt[0])

    def sized(*prices):
        return sum((p - 20.0) / 1.4 / 1.05**(t + 1) for t, p in enumerate(prices))

    assert debt(50.0, 50.0, 0.0, 90.0) == pytest.approx(sized(90, 90, 90, 90))
    for hazard in (0.01, 0.03, 0.04, 0.06, 0.3):
        stands = [(1 - hazard)**(2 + t) >= 0.9 for t in range(4)]
        assert debt(50.0, 50.0, hazard, 90.0) == pytest.approx(sized(*(90 if x else 50 for x in stands)))
    assert debt(50.0, 50.0, 0.06, 90.0) == pytest.approx(sized(50, 50, 50, 50)) == pytest.approx(debt(50.0, 50.0, 0.0))
    assert debt(40.0, 60.0, 0.3) == pytest.approx(sized(40, 40, 40, 40)) and debt(40.0, 60.0, 0.6) == pytest.approx(sized(40, 60, 60, 60))
