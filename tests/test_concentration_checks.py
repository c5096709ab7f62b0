"""Shares of the markets beside those of other sources: they agree or differ for a reason that is given."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import floormodel as fm
from calibration import share_checks
from floormodel.errors import DataError

DATA = Path(fm.__file__).parent / "data"
# shares of 2024 read by hand off the sources, which the table must contain
READ = """
cobalt mined COD: mcs2026 0.749, wmd2026 0.745, iea2025 0.665
cobalt refined CHN: bgs2025 0.797, iea2025 0.784
nickel mined IDN: mcs2026 0.62, wmd2026 0.62
nickel refined IDN: bgs2025 0.41
lithium refined CHN: iea2025 0.7
copper refined CHN: iea2025 0.44, bgs2025 0.47
natural_graphite mined CHN: wmd2026 0.76, mcs2026 0.82
natural_graphite spherical CHN: iea_cm_2025 0.957
rare_earths mined CHN: wmd2026 0.68, mcs2026 0.7
rare_earths ndpr_oxide CHN: iea2025 0.91
gallium refined CHN: mcs2026 0.99
germanium refined CHN: wmd2026 0.93, mcs2022 0.68
tungsten mined CHN: wmd2026 0.78, mcs2026 0.82
antimony mined CHN: wmd2026 0.33, mcs2026 0.34
"""
ROWS = [(*place.split(), *source.split()) for place, sources in (line.split(": ") for line in READ.split("\n") if line)
        for source in sources.split(", ")]


@pytest.fixture(scope="module")
def compared() -> pd.DataFrame:
    return share_checks.compare(share_checks.read_checks(share_checks.FIGURES / "share_checks" / "checks.csv"), DATA)


def test_shares_agree_or_differ_for_a_reason_that_is_given(compared: pd.DataFrame) -> None:
    """Fails for a share more than five points from a source's that is not listed, and for a listed one that has moved by two."""
    new = compared[compared["agrees"] == share_checks.NEW]
    assert new.empty, new.to_string()
    assert (compared["difference"].abs().gt(0.05) == compared["agrees"].ne(share_checks.YES)).all()
    checks = share_checks.read_checks(share_checks.FIGURES / "share_checks" / "checks.csv")
    idle = compared[(checks["stated"] != 0).to_numpy() & (compared["agrees"] == share_checks.YES).to_numpy()]
    assert idle.empty, f"stated as a disagreement, but agrees: {idle.to_string()}"


@pytest.mark.parametrize("difference, stated, found", [
    (0.04, 0, "yes"), (-0.06, 0, "no"), (0.21, 0.2, "no, for the reason"), (0.23, 0.2, "no"), (-0.2, 0.2, "no"), (0.03, 0.2, "yes")])
def test_a_disagreement_is_excused_only_as_it_was_stated(difference: float, stated: float, found: str) -> None:
    assert share_checks.verdict(difference, stated) == found


def test_a_moved_share_is_found(tmp_path: Path) -> None:
    """Cobalt's DR Congo is at 75 % of the world; a source that had 60 % would be a new disagreement."""
    row = "cobalt,mined,COD,output,usgs_mcs2026,2024,0.6,yes,,"
    (tmp_path / "checks.csv").write_text(",".join(share_checks.COLUMNS) + "\n" + row + "\n", "utf-8")
    assert list(share_checks.compare(share_checks.read_checks(tmp_path / "checks.csv"), DATA)["agrees"]) == ["no"]


def test_every_market_with_producers_is_compared_with_sources_of_its_own_and_others(compared: pd.DataFrame) -> None:
    """Two sources, one of which ours was not taken from; what has fewer says so."""
    markets = {m for m in fm.list_markets() if (DATA / m / "concentration.csv").is_file()}
    assert markets <= set(compared["market"])
    few = compared.groupby(["market", "good"]).filter(lambda g: g["against"].nunique() < 2 or (g["independent"] == "no").all())
    reasons = few.groupby(["market", "good"])["reason"].agg(" ".join)
    assert reasons.str.contains("source (?:that )?was read").all(), few.to_string()


def test_what_the_doc_counts_is_what_the_table_has(compared: pd.DataFrame) -> None:
    text = " ".join((Path(__file__).parents[1] / "docs" / "concentration.md").read_text("utf-8").split())
    free = compared[compared["independent"] == "yes"]
    agree = int((free["agrees"] == share_checks.YES).sum())
    assert f"{len(compared)} rows. In {len(compared) - len(free)} ours was taken" in text
    assert f"Of the {len(free)} independent rows {agree} agree within five points and {len(free) - agree} do not" in text


def test_a_folder_without_the_markets_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no market aluminium, antimony"):
        share_checks.build(tmp_path / "share_checks")


@pytest.mark.parametrize("market, good, region, source, share", ROWS)
def test_shares_of_the_sources_are_those_read(
    compared: pd.DataFrame, market: str, good: str, region: str, source: str, share: str
) -> None:
    rows = compared.query("market == @market and good == @good and region == @region and against == @source")
    assert rows["theirs"].to_numpy() == pytest.approx([float(share)], abs=0.006)


def test_the_share_before_a_revision_is_far_from_ours(compared: pd.DataFrame) -> None:
    rows = compared.query("market == 'antimony' and good == 'mined'").set_index("against")["difference"]
    assert rows["mcs2025"] < -0.15 and abs(rows["mcs2026"]) < 0.05 and abs(rows["wmd2026"]) < 0.05


def test_shipped_table_is_rebuilt_byte_for_byte(compared: pd.DataFrame, tmp_path: Path) -> None:
    compared.to_csv(tmp_path / "x.csv", index=False, float_format="%.4f", lineterminator="\n")
    assert (tmp_path / "x.csv").read_bytes() == (DATA / "share_checks" / "share_checks.csv").read_bytes()


@pytest.mark.parametrize(
    "row, word",
    [("cobalt,mined,COD,output,nobody,2024,,yes,,", "against"), ("cobalt,mined,COD,tonnes,mcs2026,2024,,yes,,", "measure"),
     ("cobalt,mined,COD,output,mcs2026,2024,,yes,0.2,", "reason"), ("cobalt,mined,COD,output,mcs2026,2024,,,,", "independent")])
def test_faulty_checks_are_named(row: str, word: str, tmp_path: Path) -> None:
    (tmp_path / "checks.csv").write_text(",".join(share_checks.COLUMNS) + "\n" + row + "\n", "utf-8")
    with pytest.raises(DataError, match=f"line 2, {word}"):
        share_checks.read_checks(tmp_path / "checks.csv")
