"""Shares of the markets beside those of other sources: they agree within differences that are stated, each with its reason."""

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


def test_shares_agree_within_the_stated_differences(compared: pd.DataFrame) -> None:
    far = compared[compared["difference"].abs() > compared["allowed"]]
    assert far.empty, far.to_string()
    idle = compared[(compared["allowed"] > share_checks.AGREES) & (compared["allowed"] > compared["difference"].abs() + 0.05)]
    assert idle.empty, f"differences are stated wider than they are: {idle.to_string()}"


def test_every_market_with_producers_is_compared_with_two_sources(compared: pd.DataFrame) -> None:
    markets = {m for m in fm.list_markets() if (DATA / m / "concentration.csv").is_file()}
    assert markets <= set(compared["market"])
    sources = compared.groupby(["market", "good"])["against"].nunique()
    one = sources[sources < 2]
    reasons = compared.set_index(["market", "good"]).loc[list(one.index), "reason"]
    assert reasons.str.contains("the one source that was read").all(), one


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
    [("cobalt,mined,COD,output,nobody,2024,,0.05,", "against"), ("cobalt,mined,COD,tonnes,mcs2026,2024,,0.05,", "measure"),
     ("cobalt,mined,COD,output,mcs2026,2024,,0.2,", "reason")])
def test_faulty_checks_are_named(row: str, word: str, tmp_path: Path) -> None:
    (tmp_path / "checks.csv").write_text(",".join(share_checks.COLUMNS) + "\n" + row + "\n", "utf-8")
    with pytest.raises(DataError, match=f"line 2, {word}"):
        share_checks.read_checks(tmp_path / "checks.csv")
