"""A whole event in thirty lines: A exports half to B; output is fixed, so that the tests have closed forms."""

from __future__ import annotations

from experiments.backtest_events import Event, Observation, read_event

WRITTEN = """
title = "A quota"
event = "a_quota"
tier = "C"
year = 2001
actor = ["A"]
measure = "A exports half."
leaves_out = "Everything else."
sources = { book = "A book, 2000" }
[market]
year = 2000
basis = "t"
goods = ["good"]
regions = ["A", "B"]
figures = [
  { variable = "output0", good = "good", region = "A", value = 100, unit = "t/yr", year = 2000, source = "book" },
  { variable = "flow0", good = "good", region = "A", partner = "B", value = 60, unit = "t/yr", year = 2000, source = "book" },
  { variable = "price0", good = "good", value = 10, unit = "USD/t", year = 2000, source = "book" },
  { variable = "supply_elasticity_short", good = "good", value = 0, unit = "1", year = 2000, source = "book" },
  { variable = "supply_elasticity_long", good = "good", value = 0, unit = "1", year = 2000, source = "book" },
  { variable = "demand_elasticity_short", good = "good", value = 0.5, unit = "1", year = 2000, source = "book" },
  { variable = "demand_elasticity_long", good = "good", value = 0.5, unit = "1", year = 2000, source = "book" },
  { variable = "sourcing_elasticity_short", good = "good", value = 3, unit = "1", year = 2000, source = "book" },
  { variable = "sourcing_elasticity_long", good = "good", value = 3, unit = "1", year = 2000, source = "book" },
]
[[variant]]
name = "half"
policies = [{ kind = "export_quota", good = "good", exporter = "A", quota = 30, first = 0, last = 0 }]
[[observation]]
key = "outside"
what = "Price in B"
metric = "outside_price"
good = "good"
months = 12
value = 4
confidence = "read"
source = "book"
"""


def written(tmp_path, text: str = WRITTEN) -> Event:
    (tmp_path / "a.toml").write_text(text, "utf-8")
    return read_event("a", tmp_path)


def seen(event: Event, **fields) -> Observation:
    return Observation.model_validate({**event.observation[0].model_dump(), **fields})
