"""Instruments of producing countries against markets solved by hand, and against the instruments they must equal."""

import numpy as np
import pytest
from hypothesis import assume, given

import floormodel as fm
from floormodel.accounts import ledger, regional_identity, world_identity
from floormodel.equilibrium.solve import find_quietly
from floormodel.errors import InertWarning, ScenarioError
from tests.adapt import complex_step, market_of
from tests.as_specific import quota_rent, quotas_as_duties, quotas_as_taxes
from tests.outcomes import NUMBERS, by_owner, case_of, changes, examples, gap, outcome, run, turnover
from tests.producers_markets import at, money, one_good, ore_and_metal, solve, unknown
from tests.test_textbook_cases import WHEAT, enter


def close(value, expected, tolerance=1e-8):
    assert value == pytest.approx(expected, rel=tolerance, abs=tolerance)


def processing(share, **settings):
    return fm.DomesticProcessing(good="good", exporter="home", share=share, **settings)


# domestic processing


@pytest.mark.economic_case("domestic_processing")
def test_a_ban_on_raw_exports_gives_autarky_prices():
    """The wheat market of the textbook, and 2 p = 30 - p."""
    banned = solve(enter(WHEAT), fm.DomesticProcessing(good="good", exporter="foreign", share=1.0))
    for region, price in WHEAT["ban"]["price"].items():
        close(at(banned, "price", region), price)
    run = solve(one_good(), processing(1.0))
    close(at(run, "price", "home"), 10.0)
    close(at(run, "output", "home"), 20.0)
    close(at(run, "use", "abroad"), 0.0)


@pytest.mark.economic_case("domestic_processing")
def test_half_of_the_output_stays_at_home():
    """D = X / 2: 30 - p = p, so p = 15, X = 30; exports 15 = 90 - 3 P, so P = 25 and the rent is 10.

    Producers had p^2 = 400 and have 225; home buyers had 10^2 / 2 and have 15^2 / 2, foreign ones 30^2 / 6 and 15^2 / 6."""
    for holder, owner in (("exporter", "home"), ("destination", "abroad"), ("abroad", "abroad")):
        run = solve(one_good(), processing(0.5, licence_holder=holder))
        close(at(run, "price", "home"), 15.0)
        close(at(run, "buyer_price", "abroad"), 25.0)
        close(at(run, "output", "home"), 30.0)
        close(unknown(run), 10.0)
        for account, region, value in (("quota_rent", owner, 150.0), ("producer_surplus", "home", 225.0 - 400.0),
                                       ("consumer_surplus", "home", 62.5), ("consumer_surplus", "abroad", -112.5)):
            close(money(run, account, region), value)


@pytest.mark.economic_case("domestic_processing")
def test_licences_handed_out_by_output():
    """A tonne made earns p and half a licence worth w = P - p: X = p + P, of which half is 30 - p at home and half 90 - 3 P abroad.
    So P = 60 - 3 p and 180 - 6 P = p + P: p = 12, P = 24, w = 12, X = 36. No rent is left over."""
    run = solve(one_good(), processing(0.5, output_based=True))
    close(at(run, "price", "home"), 12.0)
    close(at(run, "buyer_price", "abroad"), 24.0)
    close(unknown(run), 12.0)
    close(at(run, "output", "home"), 36.0)
    close(money(run, "quota_rent", "home"), 0.0, 1e-6)
    close(money(run, "producer_surplus", "home"), 18.0**2 - 400.0)


def test_a_share_that_is_met_already_is_slack():
    """A quarter stays at home in free trade."""
    run = solve(one_good(), processing(0.2))
    close(at(run, "price", "home"), 20.0)
    assert unknown(run) == 0
    assert run.dataset["unknown_bound"].values.ravel()[0] == "lower"
    assert any("within 1 - share" in note for note in run.notes)


@pytest.mark.economic_case("domestic_processing")
def test_exempt_destinations_take_what_others_may_not():
    """Two markets abroad, D = 45 - 1.5 P each, one exempt; 80 % of output is to stay: 30 - p + 45 - 1.5 p = 0.8 (2 p), p = 75 / 4.1;
    the other one gets 0.4 p at P = (45 - 0.4 p) / 1.5."""
    market = fm.linear_market({"home": (0.0, 2.0)}, {"home": (30.0, -1.0), "friend": (45.0, -1.5), "other": (45.0, -1.5)})
    run = solve(market, processing(0.8, exempt=["friend"]))
    price = 75.0 / 4.1
    close(at(run, "price", "home"), price)
    close(at(run, "buyer_price", "friend"), price)
    close(at(run, "buyer_price", "other"), (45.0 - 0.4 * price) / 1.5)


@pytest.mark.economic_case("domestic_processing")
def test_half_of_the_ore_is_smelted_at_home():
    """Home smelts half: P - p = p, so P = 2 p; 140 - 2 p = 2 p: p = 35, P = 70, ore 70, metal 35 at home, 35 abroad at a margin of 35 / 3;
    the rent is what ore costs more abroad, 70 - 35 / 3 - 35."""
    run = solve(ore_and_metal(), fm.DomesticProcessing(good="ore", exporter="home", share=0.5))
    for good, region, output in (("ore", "home", 70.0), ("metal", "home", 35.0), ("metal", "abroad", 35.0)):
        close(at(run, "output", region, good), output)
    close(at(run, "price", "home", "ore"), 35.0)
    close(at(run, "buyer_price", "abroad", "metal"), 70.0)
    close(unknown(run), 35.0 - 35.0 / 3)


def test_faults_of_domestic_processing():
    with pytest.raises(ScenarioError, match=r"exempt.*use at home is not an export"):
        solve(one_good(), processing(0.5, exempt=["home"]))
    with pytest.raises(ScenarioError, match=r"licence_holder.*have no other holder"):
        solve(one_good(), processing(0.5, output_based=True, licence_holder="abroad"))
    with pytest.raises(ScenarioError, match="licence_holder: found 'nobody'"):
        solve(one_good(), processing(0.5, licence_holder="nobody"))
    with pytest.warns(InertWarning, match="requires nothing"):
        solve(one_good(), processing(0.0, expiry_years=5.0))
    assert any("5 years" in note for note in solve(one_good(), processing(0.5, expiry_years=5.0)).notes)


# on random markets


def limit_of(kind, market, good, exporter, made, exports):
    """An instrument that keeps about a third of what a region exports at home."""
    name = market.goods[good]
    if kind == "domestic_processing":
        return fm.DomesticProcessing(good=name, exporter=exporter, share=1 - 0.7 * exports / made)
    raise AssertionError(kind)


def limited(kind, number):
    """A random market without measures and a limit on the largest exporter of one good, one market in four with `ces` sourcing."""
    for attempt in range(100):
        case = case_of(KINDS.index(kind) + 240, number + attempt, regions=2 + number % 4)
        market = market_of(case | ({"sourcing": "ces"} if number % 4 == 0 else {}))
        base = run(market)
        for g in range(len(market.goods)):
            abroad = base.state.flow[g][0] * ~np.eye(len(market.regions), dtype=bool)
            o = int(abroad.sum(1).argmax())
            made, exports = base.state.output[0, g, o], abroad[o].sum()
            if 0 < exports <= made:
                return market, base, g, limit_of(kind, market, g, market.regions[o], made, exports)
    raise AssertionError("no exports")


KINDS = ["domestic_processing"]
every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
@given(number=NUMBERS)
@examples(6)
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
@examples(6)
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
@examples(6)
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
