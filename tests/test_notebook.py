"""The tour is a plain script of at most sixty lines that runs and says what it should."""

import subprocess
import sys
from pathlib import Path

import pytest

TOUR = Path(__file__).resolve().parents[1] / "notebooks" / "tour.py"


@pytest.mark.slow
def test_the_tour_runs_as_a_script(tmp_path):
    pytest.importorskip("marimo")
    assert len(TOUR.read_text("utf-8").splitlines()) <= 60
    done = subprocess.run([sys.executable, str(TOUR)], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Share of draws solved: 1.0" in done.stdout and "the bloc adds" in done.stdout
