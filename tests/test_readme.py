"""What the README tells a reader to type is there and works."""

import re
import tomllib
from pathlib import Path

import pytest

from floormodel.cli import main
from floormodel.policies import REGISTRY
from floormodel.scenario import parse_study, read_study

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.S)


def typed():
    """Lines that the README tells the reader to type."""
    return [line.strip() for line in README.splitlines() if line.startswith("    ")]


def test_every_make_command_is_a_target():
    wanted = set(re.findall(r"(?:^    |`)make ([a-z]+)", README, re.M))
    assert {"brief", "test"} <= wanted
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.M))
    assert wanted <= targets, wanted - targets


def test_the_commands_without_make_do_what_the_makefile_does():
    for job in ("-m experiments price_floor", '-c requirements.lock -e ".[report]"', "--group dev"):
        assert job in MAKEFILE
        assert any(job in line for line in typed()), job
    extras = set(PROJECT["project"]["optional-dependencies"])
    for text in re.findall(r'-e "\.\[([a-z,]+)\]"', README + MAKEFILE):
        assert set(text.split(",")) <= extras


def test_python_and_version_are_those_of_the_project():
    assert PROJECT["project"]["requires-python"] == ">=3.11"
    assert "Python 3.11 or newer" in README
    assert "(3, 11)" in MAKEFILE
    version = PROJECT["project"]["version"]
    assert f"version: {version}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_every_command_line_of_floormodel_is_one():
    lines = [line for line in typed() if line.startswith("floormodel ")]
    assert {line.split()[1] for line in lines} == set(main.commands)


def test_every_file_that_is_linked_is_there():
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert links
    missing = [link for link in links if not (ROOT / link).exists()]
    assert not missing, missing
    for name in re.findall(r"`(notebooks/[a-z_]+\.py)", README):
        assert (ROOT / name).is_file()


def test_the_study_of_the_readme_has_no_fault():
    [text] = blocks("toml")
    study = parse_study(text)
    market = study.load()
    assert market.name == study.market
    assert len(study.scenarios) == 2


def test_the_list_of_instruments_has_every_field_and_its_default():
    text = (ROOT / "docs" / "policies.md").read_text("utf-8")
    sections = {part.split()[0]: part for part in text.split("\n## ")[1:]}
    assert set(sections) == set(REGISTRY)
    for kind, model in REGISTRY.items():
        rows = dict(re.findall(r"^\| `(\w+)` \| (.+?) \| ", sections[kind], re.M))
        assert set(rows) | {"kind"} == set(model.model_fields), kind
        assert f"`fm.{model.__name__}`" in sections[kind]
        for name, told in rows.items():
            field = model.model_fields[name]
            default = field.get_default(call_default_factory=True)
            if field.is_required():
                assert told == "needed", f"{kind}.{name}"
            elif default is None:
                assert told[0] == "(" or told.startswith("needed with"), f"{kind}.{name}"
            else:
                assert told == "`" + repr(default).replace("'", '"') + "`", f"{kind}.{name}"


@pytest.mark.parametrize("path", sorted((ROOT / "experiments" / "studies").glob("*.toml")), ids=lambda p: p.stem)
def test_the_studies_that_come_with_it_have_no_fault(path):
    study = read_study(path)
    assert study.load().name == study.market


def test_the_session_of_the_readme_runs(capsys):
    [code] = blocks("python")
    lines = code.strip().splitlines()
    assert len([line for line in lines if line.strip()]) <= 10
    session: dict = {}
    exec(compile(code, "README.md", "exec"), session)  # noqa: S102 (the text under test)
    assert set(session["runs"].runs) == {"floor", "gap", "both"}
    assert set(session["table"].to_dataframe()["scenario"]) == {"floor", "gap", "both"}
    assert session["draws"].draws == 100
    assert "floor" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["README.md", "CITATION.cff", "CHANGELOG.md", "Makefile", "requirements.lock",
                                  "pyproject.toml"])
def test_no_machine_path_and_no_registry_host(name):
    text = (ROOT / name).read_text("utf-8")
    for word in ("/root", "/home/", "/work", "pypi", "://"):
        assert word not in text, f"{name} holds {word!r}"
