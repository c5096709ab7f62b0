"""Quantity limits of producing countries against the taxes, tariffs and quotas they must equal, on random markets."""

import numpy as np
import pytest
from hypothesis import assume, given

import floormodel as fm
from floormodel.accounts import ledger, regional_identity, world_identity
from floormodel.equilibrium.solve import find_quietly
from tests.adapt import complex_step, market_of
from tests.as_specific import quota_rent, quotas_as_duties, quotas_as_taxes
from tests.outcomes import NUMBERS, by_owner, case_of, changes, examples, gap, outcome, run, turnover

KINDS = ["domestic_processing", "export_licence", "domestic_supply"]
every_kind = pytest.mark.parametrize("kind", KINDS)


def limit_of(kind, market, good, exporter, made, exports):
    """An instrument that keeps a tenth of what a region exports at home, or refuses a third of it."""
    name = market.goods[good]
    if kind == "domestic_processing":
        return fm.DomesticProcessing(good=name, exporter=exporter, share=1 - 0.9 * exports / made)
    if kind == "domestic_supply":
        return fm.DomesticSupply(good=name, exporter=exporter, volume=made - 0.9 * exports)
    return fm.ExportLicence(good=name, exporter=exporter, refused=0.3)


def limited(kind, number):
    """A random market, one in four with `ces` sourcing, and a limit on the largest exporter of a good that has buyers at home."""
    for attempt in range(100):
        case = case_of(KINDS.index(kind) + 254, number + attempt, regions=2 + number % 4)
        market = market_of(case | ({"sourcing": "ces"} if number % 4 == 0 else {}))
        base = run(market)
        for g in range(len(market.goods)):
            abroad = base.state.flow[g][0] * ~np.eye(len(market.regions), dtype=bool)
            o = int(abroad.sum(1).argmax())
            made, exports = base.state.output[0, g, o], abroad[o].sum()
            bends = np.all(base.state.benchmark.supply_elasticity[base.state.benchmark.output0 > 0] > 0)  # plants that stop where they lose
            if 0 < exports < 0.8 * made and bends:
                return market, base, g, limit_of(kind, market, g, market.regions[o], made, exports)
    raise AssertionError("no exports")


@every_kind
@given(number=NUMBERS)
@examples(5)
def test_a_limit_equals_an_export_tax_of_its_rent(kind, number):
    """[24] The same prices and tonnes; what the holders of licences had, the exporter's treasury has."""
    market, base, g, limit = limited(kind, number)
    one = run(market, [limit])
    assume(not one.system.layout.choke and quota_rent(one, g).any())
    other = run(market, quotas_as_taxes(one))
    assert gap(outcome(one), outcome(other)) < 1e-7
    lines, moved, scale = changes(one, base), changes(other, base), turnover(base)
    np.testing.assert_allclose(by_owner(lines) / scale, by_owner(moved) / scale, atol=1e-7)
    assert np.max(np.abs(moved["quota_rent"])) == 0
    low, high = one.system.bounds()
    for z in (one.solution.z, np.clip(one.solution.z + 0.02, low, high)):
        _, slopes = one.system.evaluate(z, np.zeros(1, int), 0.0, True)
        exact = complex_step(one.system, z)
        assert np.max(np.abs(slopes - exact)) <= 1e-8 * max(1.0, np.max(np.abs(exact)))
    now, before = ledger(one), ledger(base)
    assert max(world_identity(now, before)[0], regional_identity(one, now, before)[0]) < 1e-10


@every_kind
@given(number=NUMBERS)
@examples(5)
def test_a_limit_equals_a_tariff_of_all_partners(kind, number):
    """[25] The same world allocation and world welfare; rent and charges on it go to the importers, or stay there."""
    market, base, g, limit = limited(kind, number)
    limit = limit.model_copy(update={"licence_holder": ("exporter", "destination")[number % 2]})
    one = run(market, [limit])
    assume(not one.system.layout.choke and quota_rent(one, g).any())
    other = run(market, quotas_as_duties(one))
    assert gap(outcome(one), outcome(other)) < 1e-7
    lines, moved, scale = changes(one, base), changes(other, base), turnover(base)
    assert abs(by_owner(lines).sum() - by_owner(moved).sum()) < 1e-7 * scale
    rent = quota_rent(one, g) * one.state.flow[g][0] * (one.terms.export_rate[0, g] + (limit.licence_holder == "exporter"))
    np.testing.assert_allclose((by_owner(moved) - by_owner(lines))[0] / scale, (rent.sum(0) - rent.sum(1)) / scale, atol=1e-7)


@given(number=NUMBERS)
@examples(5)
def test_all_of_output_at_home_is_a_quota_of_nothing(number):
    """[30] The same closed routes bit for bit, and where nothing is shut a prohibitive tax."""
    market, base, g, limit = limited("domestic_processing", number)
    good, exporter = limit.good, limit.exporter
    ban = find_quietly(market, [limit.model_copy(update={"share": 1.0})])
    quota = find_quietly(market, [fm.ExportQuota(good=good, exporter=exporter, quota=0.0)])
    np.testing.assert_array_equal(ban.solution.z, quota.solution.z)
    same = [np.array_equal(getattr(ban.system.layout, name), getattr(base.system.layout, name)) for name in ("priced", "supplied")]
    assume(all(same) and market.sourcing == "logit" and not ban.system.layout.choke and ban.solution.converged.all())
    price = float(base.state.benchmark.price0[0, g].max())
    tax = run(market, [fm.ExportTax(good=good, exporters=[exporter], levy=1e3 * price)])
    assert gap(outcome(ban), outcome(tax)) < 1e-6
