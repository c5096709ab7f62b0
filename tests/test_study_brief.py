"""The brief and the folder of a study, for every instrument and for studies in which little or nothing happens."""

import html
import re

import pytest

from floormodel.report.frames import groups_of
from floormodel.report.study_brief import LIMITS, study_brief
from floormodel.report.study_run import checks, indicator_table, run_study, write_study
from floormodel.results import compare
from floormodel.scenario import parse_study

POLICIES = {
    "price_floor": 'good = "ndpr_oxide"\nmembers = ["USA", "JPN"]\nprice = 80_000\ncoverage = ["magnet"]',
    "import_tariff": 'good = "magnet"\nimporters = ["USA"]\nrate = 0.25',
    "price_gap_subsidy": 'good = "ndpr_oxide"\nregions = ["USA"]\nstrike = 80_000\nupside_share = 0.3',
    "export_tax": 'good = "ndpr_oxide"\nexporters = ["CHN"]\nrate = 0.1',
    "export_quota": 'good = "ndpr_oxide"\nexporter = "CHN"\nquota = 2_000',
    "stockpile": 'good = "ndpr_oxide"\nregion = "JPN"\npurchase = 200',
}
HEAD = 'title = "Who <pays> & why"\nmarket = "rare_earths"\n'


def study_of(*kinds, head=HEAD, ensemble=""):
    text = head + "".join(f'[[scenario]]\nname = "{kind}"\n[[scenario.policy]]\nkind = "{kind}"\n{POLICIES[kind]}\n'
                          for kind in kinds) + ensemble
    study = parse_study(text)
    return study, run_study(study, study.load())


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    study, runs = study_of(*POLICIES, ensemble="[ensemble]\ndraws = 4\nseed = 1\n")
    write_study(folder, study, runs, ["InertWarning: a remark <b>"])
    return folder, runs, (folder / "brief.html").read_text("utf-8")


def test_the_page_names_every_scenario_and_escapes_what_users_wrote(page):
    _, _, text = page
    assert "<title>" in text
    assert html.escape("Who <pays> & why") in text
    assert "Who <pays>" not in text
    assert html.escape("a remark <b>") in text
    for kind in POLICIES:
        assert kind in text
        assert f"Scenario {kind}." in text
    for limit in LIMITS:
        assert limit in html.unescape(text)


def test_the_page_fetches_nothing(page):
    _, _, text = page
    assert not re.findall(r"(?:src|href)\s*=\s*[\"']?(?!data:|#)[^\"'>\s]+", text)
    assert "<script" not in text


def test_figures_and_tables_stand_beside_the_page(page):
    folder, _, _ = page
    stems = {p.stem for p in (folder / "figures").iterdir()}
    assert {"prices", "output", "concentration", "revenue", "incidence_1", "incidence_6"} <= stems
    assert "output_2" in stems, "six scenarios do not fit one chart"
    for stem in stems:
        for kind in ("svg", "pdf", "png"):
            assert (folder / "figures" / f"{stem}.{kind}").stat().st_size > 1000
    assert {p.name for p in (folder / "tables").iterdir()} >= {"levels.tex", "welfare.tex", "scenarios.tex", "tables.docx"}


def test_the_medians_of_the_page_are_those_of_the_table(page):
    _, runs, text = page
    table = indicator_table(runs).set_index(["scenario", "indicator", "good", "region"])
    value = table.loc[("price_floor", "price_inside", "ndpr_oxide", "bloc"), "value"] / 1000
    plain = re.sub(r"<[^>]+>", " ", text)
    assert f"{value:,.1f}" in plain


def test_every_check_of_a_solved_study_is_passed(page):
    _, runs, _ = page
    rows = checks(runs)
    assert {row["statistic"].split()[0] for row in rows} >= {"world", "regional", "share"}
    assert all(row["passed"] for row in rows)


def test_countries_that_limit_exports_are_a_group_of_their_own():
    _, runs = study_of("export_quota")
    assert runs["export_quota"].bloc == ("CHN",)
    assert next(iter(groups_of(runs))) == "Limiting exports: China"


def test_a_study_without_a_bloc_has_a_brief_without_a_price_chart(tmp_path):
    study, _ = study_of("export_quota")
    write_study(tmp_path, study, compare(study.load(), study.scenarios, bloc=()))
    stems = {p.stem for p in (tmp_path / "figures").iterdir()}
    assert "prices" not in stems
    assert {"output", "revenue", "incidence_1"} <= stems


@pytest.mark.filterwarnings("ignore::floormodel.errors.InertWarning")
def test_a_study_in_which_nothing_binds_says_so(tmp_path):
    policy = 'kind = "price_floor"\ngood = "ndpr_oxide"\nmembers = ["USA"]\nprice = 1\n'
    study = parse_study(HEAD + f'[[scenario]]\nname = "none"\n[[scenario.policy]]\n{policy}')
    runs = run_study(study, study.load())
    write_study(tmp_path, study, runs)
    text = (tmp_path / "brief.html").read_text("utf-8")
    assert "Nothing moves" in text
    assert "below every benchmark border price" in text
    assert [s.title for s in study_brief("t", runs).sections][:2] == ["What was compared", "What moves"]
