"""What every instrument must do, asked of each from its class attributes alone: see docs/add_a_policy.md."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest

import floormodel as fm
from floormodel.accounts import ledger, regional_identity, world_identity
from floormodel.equilibrium.newton import recomputed_residual
from floormodel.errors import ScenarioError
from floormodel.policies import REGISTRY
from floormodel.report.labels import ACCOUNTS
from floormodel.report.policy_pages import policies_page, policy_toml, words
from floormodel.scenario import parse_study
from tests.adapt import complex_step
from tests.outcomes import changes, gap, money_gap, outcome, turnover
from tests.registry_runs import DRAWS, beside, example, market_of, others, refused, slack, solved, wrong

TESTS = Path(__file__).parent
KINDS = sorted(REGISTRY)
every_kind = pytest.mark.parametrize("kind", KINDS)
# refused wherever they stand: no number, text or list of ours is one of these
NOT_A_VALUE = {"2027-01-01": "2027-01-01 (a date)", "{ a = 1 }": "a table"}


def fields(kind):
    return {name: field for name, field in REGISTRY[kind].model_fields.items() if name != "kind"}


def study(kind, text):
    return f'title = "t"\nmarket = "{REGISTRY[kind].example_market}"\n[[scenario]]\nname = "s"\n{text}'


# what the class says of itself


@every_kind
def test_class_attributes_are_there(kind):
    model = REGISTRY[kind]
    for name, what in (("example", dict), ("example_market", str), ("example_source", str), ("slack", dict), ("idempotent", bool)):
        assert isinstance(getattr(model, name, None), what), \
            f"{model.__name__} has no class attribute {name} ({what.__name__}); see the docstring of Instrument in policies/base.py"
    assert model.example_market in fm.list_markets()
    assert set(model.example) <= set(fields(kind)), "example: fields of the instrument, without kind"
    assert model.slack and set(model.slack) <= set(fields(kind)), "slack: at least one field of the instrument"
    assert set(model.region_fields) | set(model.good_fields) <= set(fields(kind))
    assert re.search(r"\b(19|20)\d\d\b", model.example_source), "example_source: the real measure, its year and where it is read"
    assert model.example_source.rstrip().endswith("."), "example_source: a sentence"


@every_kind
def test_docstring_has_its_parts_and_every_field(kind):
    said = words(REGISTRY[kind])  # raises where a part or a field is missing
    assert said.does.splitlines()[0].endswith("."), "the first line is the sentence that `floormodel list policies` shows"


def test_the_page_of_instruments_is_the_one_that_is_written_from_them():
    page = (TESTS.parent / "docs" / "policies.md").read_text("utf-8")
    assert page == policies_page(), "run: floormodel list policies --markdown > docs/policies.md"
    table = page.partition("**Which instrument for which measure**")[2].partition("\n- [")[0]
    assert set(REGISTRY) <= set(re.findall(r"`(\w+)`", table)), "the table of measures leaves an instrument out"


def marked_tests():
    """Kinds named by @pytest.mark.economic_case("kind", ...) and the tests that name them, from the sources."""
    found = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for mark in node.decorator_list:
                    if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.economic_case":
                        for argument in mark.args:
                            found.setdefault(ast.literal_eval(argument), []).append(f"{path.name}::{node.name}")
    return found


def test_every_instrument_has_an_economic_case():
    """At least one test with an expected value from outside the code."""
    marked = marked_tests()
    missing = sorted(set(KINDS) - set(marked))
    assert not missing, f'no test is marked @pytest.mark.economic_case("{missing[0]}"); missing: {missing}'
    assert set(marked) <= set(KINDS), f"marks of kinds that do not exist: {sorted(set(marked) - set(KINDS))}"


# what it does


@every_kind
def test_the_example_changes_something(kind):
    instrument = example(kind)
    assert instrument.kind == kind
    assert not instrument.check(market_of(kind))
    assert gap(outcome(solved(kind, (*beside(kind), instrument))), outcome(solved(kind, beside(kind)))) > 1e-6


@every_kind
def test_derivative_against_complex_step(kind):
    """At the solution and near it, alone and beside three other instruments."""
    rng = np.random.default_rng([7, KINDS.index(kind)])
    for policies in ((example(kind),), (example(kind), *others(kind))):
        one = solved(kind, policies)
        low, high = one.system.bounds()
        at = one.solution.z
        for z in (at, np.clip(at + 0.03 * rng.standard_normal(at.shape), low, high)):
            _, slopes = one.system.evaluate(z, np.zeros(1, int), 0.0, True)
            exact = complex_step(one.system, z)
            assert np.max(np.abs(slopes - exact)) <= 1e-8 * max(1.0, np.max(np.abs(exact)))


@every_kind
def test_a_slack_setting_is_no_policy_bit_for_bit(kind):
    free, inert = solved(kind, ()), solved(kind, (slack(kind),))
    left, right = outcome(free), outcome(inert)
    for name in left:
        np.testing.assert_array_equal(left[name], right[name], err_msg=name)
    for name, line in changes(inert, free).items():
        assert not np.any(line), name


@every_kind
def test_a_slack_setting_beside_others_changes_nothing(kind):
    """To the last bits: an unknown that stays at zero makes the linear systems larger."""
    free, without, inert = solved(kind, ()), solved(kind, others(kind)), solved(kind, (slack(kind), *others(kind)))
    assert gap(outcome(without), outcome(inert)) < 1e-12
    assert money_gap(changes(without, free), changes(inert, free), turnover(free)) < 1e-12


@every_kind
def test_the_order_of_instruments_does_not_matter(kind):
    floor, tax, subsidy = others(kind)
    own, free = example(kind), solved(kind, ())
    first = solved(kind, (own, floor, tax, subsidy))
    for order in ((floor, tax, subsidy, own), (subsidy, own, tax, floor), (tax, floor, own, subsidy)):
        other = solved(kind, order)
        assert gap(outcome(first), outcome(other)) < 1e-12
        assert money_gap(changes(first, free), changes(other, free), turnover(free)) < 1e-12


@every_kind
def test_twice_is_once_where_the_class_says_so(kind):
    """Exactly so; to the last bits where the instrument has an unknown of its own, for then there are two of them."""
    once, twice = solved(kind, (example(kind),)), solved(kind, (example(kind), example(kind)))
    apart = gap(outcome(once), outcome(twice))
    if not REGISTRY[kind].idempotent:
        assert apart > 1e-9, "the second one changes nothing: set idempotent = True"
    elif once.terms.unknowns:
        assert apart < 1e-12
    else:
        assert apart == 0


@every_kind
@pytest.mark.parametrize("draws", [0, DRAWS])
@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside_others"])
def test_money_adds_up_and_every_row_holds(kind, draws, beside):
    """Both identities and the residual to 1e-8, with central figures and with draws of the parameters."""
    free, found = solved(kind, (), draws), solved(kind, (example(kind), *(others(kind) if beside else ())), draws)
    now, before = ledger(found), ledger(free)
    assert np.max(world_identity(now, before)) <= 1e-8
    assert np.max(regional_identity(found, now, before)) <= 1e-8
    low, high = found.system.bounds()
    assert np.max(recomputed_residual(found.system, found.solution.z, low, high)) <= 1e-8
    assert np.all(found.solution.z >= low - 1e-12) and np.all(found.solution.z <= high + 1e-12)


@every_kind
def test_results_have_words(kind):
    """The labelled dataset, the accounts and the summary of the example; every line of money has a name in reports."""
    result = fm.results.Equilibrium(solved(kind, (example(kind), *others(kind))), solved(kind, ()), (), kind)
    assert set(result.accounts()["account"]) <= set(ACCOUNTS)
    assert result.dataset["price"].notnull().any()
    assert "Identities" in result.summary()


# how it is written down


@every_kind
def test_a_study_file_gives_the_same_instrument_back(kind):
    for instrument in (example(kind), slack(kind)):
        text = policy_toml(instrument.model_dump(exclude_none=True))
        assert parse_study(study(kind, text)).scenarios["s"] == (instrument,)
    short = policy_toml({"kind": kind} | REGISTRY[kind].example)
    assert parse_study(study(kind, short)).scenarios["s"] == (example(kind),)


@every_kind
def test_names_that_the_market_does_not_have_are_refused_by_field(kind):
    """Every text of an instrument is a choice of words, a region or a good; whichever it is, Atlantis is none of them."""
    named = 0
    for name, field in fields(kind).items():
        value = wrong(field.annotation, str, "Atlantis")
        if value is not None:
            assert name in refused(kind, **{name: value}), f"{name} = {value!r} is accepted: add it to region_fields or good_fields"
            named += 1
    assert named >= 1
    for name in (*REGISTRY[kind].region_fields, *REGISTRY[kind].good_fields):
        assert wrong(fields(kind)[name].annotation, str, "Atlantis") is not None


@every_kind
@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_numbers_that_are_none_are_refused_by_field(kind, number):
    for name, field in fields(kind).items():
        value = wrong(field.annotation, float, float(number))
        if value is not None:
            assert name in refused(kind, **{name: value}), f"{name} = {value!r} is accepted"
            rest = {key: v for key, v in REGISTRY[kind].example.items() if key != name}
            with pytest.raises(ScenarioError, match=rf"policy\[1\]\.{name}"):
                parse_study(study(kind, policy_toml({"kind": kind} | rest | {name: value})))


@every_kind
@pytest.mark.parametrize("value", NOT_A_VALUE)
def test_what_is_of_another_type_is_refused_by_field(kind, value):
    for name, field in fields(kind).items():
        if not (value.startswith("{") and "dict" in str(field.annotation)):
            rest = {key: v for key, v in REGISTRY[kind].example.items() if key != name}
            with pytest.raises(ScenarioError, match=rf"policy\[1\]\.{name}: found {re.escape(NOT_A_VALUE[value])}"):
                parse_study(study(kind, policy_toml({"kind": kind} | rest) + f"{name} = {value}\n"))
