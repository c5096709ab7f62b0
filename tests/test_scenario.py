"""Study files read into typed objects: what is meant is kept exactly, what cannot be meant is refused."""

import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from floormodel.errors import FloormodelError, ScenarioError
from floormodel.policies import REGISTRY, ExportQuota, ImportTariff, PriceFloor
from floormodel.scenario import MAX_DRAWS, parse_study, read_study
from floormodel.study_text import MAX_DEPTH, key_lines
from floormodel.validation import number_hint, show

STUDY = """\
title = "Floor and quota"
market = "rare_earths"
horizon = "short"
deck = "2025"
open_projects = ["ndpr_oxide:EU27", "magnet:USA"]

[[scenario]]
name = "floor"
[[scenario.policy]]
kind = "price_floor"
good = "ndpr_oxide"
members = ["USA", "JPN"]
price = 110_000
coverage = ["magnet"]
[[scenario.policy]]
kind = "import_tariff"
good = "magnet"
importers = ["USA"]
rate = 0.25

[[scenario]]
name = "ban"
[[scenario.policy]]
kind = "export_quota"
good = "ndpr_oxide"
exporter = "CHN"
quota = 0

[ensemble]
draws = 50
seed = 7
"""
HEAD = 'title = "t"\nmarket = "rare_earths"\n[[scenario]]\nname = "s"\n[[scenario.policy]]\n'
QUOTA = 'kind = "export_quota"\ngood = "magnet"\nexporter = "CHN"\nquota = {}'


def test_a_study_becomes_instruments_in_the_order_of_the_file():
    study = parse_study(STUDY)
    assert (study.title, study.market, study.horizon, study.deck) == ("Floor and quota", "rare_earths", "short", "2025")
    assert study.open_projects == (("ndpr_oxide", "EU27"), ("magnet", "USA"))
    assert list(study.scenarios) == ["floor", "ban"]
    assert study.scenarios["floor"] == (
        PriceFloor(good="ndpr_oxide", members=["USA", "JPN"], price=110_000, coverage=["magnet"]),
        ImportTariff(good="magnet", importers=["USA"], rate=0.25))
    assert study.scenarios["ban"] == (ExportQuota(good="ndpr_oxide", exporter="CHN", quota=0),)
    assert (study.ensemble.draws, study.ensemble.seed) == (50, 7)


def test_the_market_of_a_study_has_its_horizon_deck_and_projects():
    market = parse_study(STUDY).load()
    assert (market.name, market.horizon, market.deck) == ("rare_earths", "short", "2025")
    assert set(market.opened) == {("ndpr_oxide", "EU27"), ("magnet", "USA")}


def test_open_projects_all_opens_every_latent_project():
    market = parse_study('open_projects = "all"\n' + HEAD + QUOTA.format(1)).load()
    assert market.opened == market.open_projects("all").opened
    assert len(market.opened) >= 2


def test_what_is_left_out_has_its_default():
    study = parse_study(HEAD + QUOTA.format(1))
    assert (study.horizon, study.deck, study.open_projects, study.ensemble) == ("long", None, (), None)


def test_a_missing_seed_is_made_and_kept():
    text = STUDY.replace("seed = 7\n", "")
    seeds = {parse_study(text).ensemble.seed for _ in range(5)}
    assert all(isinstance(s, int) and 0 <= s < 2**32 for s in seeds)
    assert len(seeds) > 1, "a made seed must differ between readings"


def test_the_hash_is_of_what_the_file_says(tmp_path):
    path = tmp_path / "study.toml"
    path.write_bytes(b"\xef\xbb\xbf" + STUDY.encode())
    assert read_study(path).sha256 == parse_study(STUDY).sha256
    assert read_study(path).sha256 != parse_study(STUDY.replace("110_000", "110_001")).sha256


# every field of every instrument, given a value of its own, so that a field lost on the way would show
FIELDS = {
    "price_floor": dict(good="ndpr_oxide", members=["USA"], price=9e4, holds="member_price", collected_as="levy",
                        duty_cap=5e3, base="duty_paid", exempt=["AUS"], coverage=["magnet"], content_rule="neutral",
                        export_rebate=True, room=10.0),
    "import_tariff": dict(good="magnet", importers=["USA"], origins=["CHN"], rate=0.25, levy=3.5,
                          replaces_existing=True),
    "export_tax": dict(good="magnet", exporters=["CHN"], destinations=["USA"], rate=0.1, levy=2.0,
                       replaces_existing=True),
    "export_quota": dict(good="magnet", exporter="CHN", quota=500.0, destinations=["USA"], rent_owner="destination"),
    "price_gap_subsidy": dict(good="ndpr_oxide", regions=["USA", "AUS"], strike=1.1e5, upside_threshold=1.5e5,
                              upside_share=0.3, reference="index", index_regions=["USA"], volume_cap=5e3,
                              money_cap=1e8, clawback_cap=1e7, budget=2e8, payer="JPN"),
    "stockpile": dict(good="ndpr_oxide", region="USA", purchase=3e3, release=1e3, source="members", members=["AUS"],
                      max_price=1.2e5, release_price=2e5),
}


def toml(value):
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    return "[" + ", ".join(map(toml, value)) + "]" if isinstance(value, list) else repr(value)


@pytest.mark.parametrize("kind", sorted(FIELDS))
def test_the_fields_of_an_instrument_are_the_keys_of_a_study_file(kind):
    fields = FIELDS[kind]
    assert set(fields) | {"kind"} == set(REGISTRY[kind].model_fields), "name every field of the instrument in FIELDS"
    text = HEAD + f'kind = "{kind}"\n' + "".join(f"{key} = {toml(value)}\n" for key, value in fields.items())
    [instrument] = parse_study(text).scenarios["s"]
    assert instrument.kind == kind
    assert {key: getattr(instrument, key) for key in fields} == fields


@pytest.mark.parametrize("kind", sorted(FIELDS))
def test_every_field_of_every_instrument_refuses_what_it_cannot_mean(kind):
    """A table, a date and a truth value fit no number, text or list; each is refused where it stands, alone."""
    model = REGISTRY[kind]
    for key in FIELDS[kind]:
        for wrong, shown in (("{a = 1}", "a table"), ("2027-01-01", "a date")):
            rest = "".join(f"{k} = {toml(v)}\n" for k, v in FIELDS[kind].items() if k != key)
            with pytest.raises(ScenarioError, match="1 fault") as error:
                parse_study(HEAD + f'kind = "{kind}"\n{rest}{key} = {wrong}\n')
            assert f"policy[1].{key}: found" in str(error.value)
            assert shown in str(error.value)
        if model.model_fields[key].annotation in (float, float | None):
            with pytest.raises(ScenarioError, match="truth value"):
                parse_study(HEAD + f'kind = "{kind}"\n{rest}{key} = true\n')


def test_integers_are_numbers_but_truth_values_are_not():
    assert parse_study(HEAD + QUOTA.format("250")).scenarios["s"][0].quota == 250.0
    with pytest.raises(ScenarioError, match="truth value"):
        parse_study(HEAD + QUOTA.format("true"))


@pytest.mark.parametrize("draws", [1, 2, MAX_DRAWS])
def test_draws_within_the_limits(draws):
    assert parse_study(STUDY.replace("draws = 50", f"draws = {draws}")).ensemble.draws == draws


@pytest.mark.parametrize("name", ["a", "A-1_b", "9", "x" * 64])
def test_plain_names_are_accepted(name):
    assert name in parse_study(STUDY.replace('"ban"', f'"{name}"')).scenarios


@pytest.mark.parametrize("name", ["", " ", "a b", ".", "..", "~", "/etc/passwd", "a/b", "a\\\\b", "-a", "_a", "é",
                                  "x" * 65, "nul", "Com1", r"a\n", "a.b"])
def test_names_that_could_leave_the_folder_are_refused(name):
    with pytest.raises(ScenarioError, match="1 to 64 letters"):
        parse_study(STUDY.replace('"ban"', f'"{name}"'))


def test_lines_of_keys_and_tables():
    lines = key_lines(STUDY)
    rows = STUDY.splitlines()
    assert rows[lines[("deck",)] - 1].startswith("deck")
    assert rows[lines[("scenario", 0, "policy", 1, "rate")] - 1] == "rate = 0.25"
    assert rows[lines[("scenario", 1, "policy", 0, "quota")] - 1] == "quota = 0"
    assert rows[lines[("scenario", 1)] - 1] == "[[scenario]]"
    assert lines[("scenario", 1)] > lines[("scenario", 0, "policy", 1)]


@pytest.mark.parametrize(("text", "hint"), [
    ("250", "write 250 without"), (" 1e5 ", "write 1e5 without"), ("1,200", "write 1200"),
    ("1 200 000", "write 1200000"), ("25 %", "write 0.25"), ("12.5%", "write 0.125"), ("2*3", "formulas"),
    ("__import__('os')", "formulas"), ("", "formulas"),
])
def test_hints_for_numbers_in_quotes(text, hint):
    assert hint in number_hint(text)


def test_values_are_shown_short():
    assert len(show("x" * 10_000)) < 80
    assert show(True) == "true (a truth value)"
    assert show([]) == "an empty list"


KEYS = sorted({k for fields in FIELDS.values() for k in fields} | {"title", "market", "scenario", "policy", "name"})
VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
              st.text(alphabet=string.ascii_letters + string.digits + " ,.%/", max_size=12)),
    lambda inner: st.lists(inner, max_size=4), max_leaves=6).map(toml)
LINES = st.one_of(
    st.tuples(st.sampled_from(KEYS), VALUES).map(lambda pair: f"{pair[0]} = {pair[1]}"),
    st.sampled_from(["[[scenario]]", "[[scenario.policy]]", "[ensemble]", "[scenario]", "[[policy]]", 'name = "s"',
                     "[[", "a.b = 1", *(f'kind = "{k}"' for k in REGISTRY)]))


@settings(max_examples=300, deadline=None)
@given(st.lists(LINES, max_size=15).map("\n".join))
@example("[[scenario]]\n[[scenario.policy]]\nstr = 1\n")
@example("str = 1\nlist = 2\n")
@example('scenario = [1, "a", []]\n')
@example("[scenario]\npolicy = 3\n")
def test_whatever_the_file_says_the_answer_is_a_study_or_a_refusal(text):
    """Only an error of ours may leave the reader, and it names its source."""
    try:
        study = parse_study(text, "the source")
    except FloormodelError as error:
        assert str(error).startswith("the source")
    else:
        assert study.scenarios


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_whatever_the_bytes_are_the_answer_is_a_refusal(tmp_path_factory, raw):
    path = tmp_path_factory.mktemp("bytes") / "study.toml"
    path.write_bytes(raw)
    with pytest.raises(ScenarioError):
        read_study(path)


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 200, 3000, 100_000])
def test_nesting_of_any_depth_is_refused_at_once(depth):
    with pytest.raises(ScenarioError):
        parse_study("title = " + "[" * depth + "]" * depth)
