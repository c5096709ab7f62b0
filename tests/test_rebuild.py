"""Every shipped table is what the calibration makes of the figures, byte for byte; the recorded hashes are those of the files."""

from pathlib import Path

import pytest
from click.testing import CliRunner

import floormodel as fm
from calibration import chain, manifest
from calibration.__main__ import DATA, MARKETS, main
from tests.same_tables import same

BY_HAND = {"projects.csv", "projects_sources.csv", "plans.csv", "plans_sources.csv", "projections_sources.csv",
           "us_cpi.csv", "us_cpi_sources.csv"}
CHAIN = [name for name in MARKETS if not (Path(chain.__file__).parent / f"{name}.py").is_file()]


@pytest.mark.parametrize("name", CHAIN)
def test_a_market_of_figures_alone_comes_out_again(name, tmp_path):
    chain.build(name, tmp_path)
    made = sorted(p.name for p in tmp_path.iterdir())
    assert {"market.toml", "quantities.csv", "prices.csv", "parameters.csv", "sources.csv"} <= set(made)
    assert [n for n in made if not same(tmp_path / n, DATA / name / n)] == []


@pytest.mark.slow
def test_all_comes_out_again_byte_for_byte(tmp_path):
    """`python -m calibration all` into an empty folder beside what is made by hand; nothing shipped is left over."""
    done = CliRunner().invoke(main, ["all", "-o", str(tmp_path)])
    assert done.exit_code == 0, done.output
    made = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.csv")} | {f"{n}/market.toml" for n in MARKETS}
    shipped = {p.relative_to(DATA).as_posix() for p in DATA.rglob("*.csv")} | {f"{n}/market.toml" for n in MARKETS}
    assert [n for n in sorted(made) if not (DATA / n).is_file() or not same(tmp_path / n, DATA / n)] == []
    left = {n for n in shipped - made if n.split("/")[-1] not in BY_HAND}
    assert left == {"correlations.csv", "rare_earths/correlations.csv"}  # stated, not made


def test_hashes_are_recorded():
    assert manifest.changed() == [], "python -m calibration all, or MARKET, records them anew"
    assert len(manifest.hashes()) > 200


def test_a_changed_figure_is_noticed(tmp_path):
    path = tmp_path / "manifest.csv"
    manifest.write(path)
    text = path.read_text("utf-8")
    first = text.splitlines()[1]
    path.write_text(text.replace(first, first[:-1] + ("0" if first[-1] != "0" else "1")), "utf-8")
    assert manifest.changed(path) == [first.split(",")[0]]


def test_every_market_has_figures():
    assert set(MARKETS) == set(fm.list_markets()) and len(MARKETS) >= 12
