"""A table for readers: numbers with ranges, units, note and source; as HTML, LaTeX, Markdown, Word, Excel or a frame."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from floormodel.report.labels import (
    ACCOUNTS,
    OWNERS,
    QUANTILES,
    capitalised,
    for_readers,
    format_number,
    format_range,
    good_name,
    indicator_name,
    region_name,
)
from floormodel.report.spreadsheet import new_workbook, write_frame
from floormodel.report.word import write_docx

NO_BREAK = "\u00a0"
RANGE_TEXT = re.compile(r"[−\d,.]+ \([−\d,.]+ to [−\d,.]+\)")
NAMES: dict[str, Callable[[str], str | None]] = {
    "good": good_name, "region": region_name, "indicator": indicator_name, "account": ACCOUNTS.get, "owner": OWNERS.get,
}
LATEX = {"\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
         "[": "{[}", "\n": " ", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
         "−": "$-$", "–": "--", "<": r"\textless{}", ">": r"\textgreater{}",
         "|": r"\textbar{}", "×": r"$\times$", "≥": r"$\geq$", "≤": r"$\leq$"}


class Range(NamedTuple):
    """A cell with its range: the 5 % quantile, the median and the 95 % quantile."""

    low: float
    middle: float
    high: float


@dataclass(frozen=True, eq=False)
class Table:
    """A table as readers see it.

    Attributes
    ----------
    frame : columns of text, numbers or Range cells; its index is not shown. A column `unit` gives each row its unit.
    units : unit of a column, for its heading and its decimals (not needed where there is a column `unit`)
    note, source : printed below
    name : stem of its files; made from the title where not given
    """

    title: str
    frame: pd.DataFrame
    units: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    source: str = ""
    name: str = ""

    @property
    def stem(self) -> str:
        return self.name or slug(self.title)

    def headings(self) -> list[str]:
        """Column headings with their units."""
        return [f"{capitalised(str(c))}, {self.units[c]}" if self.units.get(c) else capitalised(str(c)) for c in self.frame.columns]

    def cells(self) -> list[list[str]]:
        """The body as readers see it."""
        records = self.frame.to_dict("records")
        return [[_shown(v, self.units.get(str(c), str(row.get("unit", "")))) for c, v in row.items()] for row in records]

    def spans(self) -> list[int]:
        """For each row over how many rows its first cell stands: 0 where the row above has the same text in it."""
        first = [row[0] for row in self.cells()]
        starts = [k for k, text in enumerate(first) if k == 0 or text != first[k - 1] or self.numeric()[0]]
        return [next((s for s in starts if s > k), len(first)) - k if k in starts else 0 for k in range(len(first))]

    def cells_once(self) -> list[list[str]]:
        """The body with the first cell left empty where it repeats the one above."""
        return [row if span else ["", *row[1:]] for row, span in zip(self.cells(), self.spans())]

    def numeric(self) -> list[bool]:
        """Which columns hold numbers (and are set to the right)."""
        return [any(isinstance(v, Range | float | int) for v in self.frame[c]) for c in self.frame.columns]

    def below(self) -> list[str]:
        """Lines under the table: note and source."""
        return [t for t in (self.note, f"Source: {self.source}" if self.source else "") if t]

    def to_frame(self) -> pd.DataFrame:
        """Plain numbers: a Range becomes three columns, `x`, `x, 5 %` and `x, 95 %`."""
        columns: dict[str, list[Any]] = {}
        for name in self.frame.columns:
            values = list(self.frame[name])
            columns[str(name)] = [v.middle if isinstance(v, Range) else v for v in values]
            if any(isinstance(v, Range) for v in values):
                columns[f"{name}, 5 %"] = [v.low if isinstance(v, Range) else None for v in values]
                columns[f"{name}, 95 %"] = [v.high if isinstance(v, Range) else None for v in values]
        return pd.DataFrame(columns)

    def to_html(self, caption: str | None = None) -> str:
        """An HTML table; every text is escaped."""
        dense = len(self.frame.columns) > 7
        kinds = [' class="number"' if n else "" for n in self.numeric()]
        head = "".join(f'<th scope="col"{k}>{html.escape(h)}</th>' for h, k in zip(self.headings(), kinds))
        body = ""
        for row, span in zip(self.cells(), self.spans()):
            first = [f'<th scope="rowgroup" rowspan="{span}">{html.escape(row[0])}</th>'] if span > 1 else []
            rest = list(zip(row, kinds))[1 if span != 1 else 0:]
            cells = first + [f"<td{k}>{_together(html.escape(c))}</td>" for c, k in rest]
            body += f"<tr>{''.join(cells)}</tr>\n"
        title = html.escape(self.title if caption is None else caption)
        opening = '<table class="dense">' if dense else "<table>"
        return f"{opening}\n<caption>{title}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>"

    def to_latex(self) -> str:
        """A LaTeX table float for the booktabs package; every text is escaped."""
        align = "".join("r" if n else "l" for n in self.numeric())
        lines = [[latex(c) for c in row] for row in [self.headings(), *self.cells_once()]]
        rows = [" & ".join(row) + r" \\" for row in lines]
        below = [rf"\par\smallskip\footnotesize {latex(t)}" for t in self.below()]
        return "\n".join([r"\begin{table}[htbp]", r"\centering", rf"\caption{{{latex(self.title)}}}", rf"\label{{tab:{self.stem}}}",
                          rf"\begin{{tabular}}{{{align}}}", r"\toprule", rows[0], r"\midrule", *rows[1:], r"\bottomrule",
                          r"\end{tabular}", *below, r"\end{table}", ""])

    def to_markdown(self) -> str:
        """A pipe table."""
        rows = [[_one_line(c) for c in row] for row in [self.headings(), *self.cells()]]
        rule = ["---:" if n else "---" for n in self.numeric()]
        lines = ["| " + " | ".join(row) + " |" for row in [rows[0], rule, *rows[1:]]]
        return "\n".join([f"**{_one_line(self.title)}**", "", *lines, "", *self.below()]).rstrip() + "\n"

    def to_docx(self, path: str | Path) -> Path:
        """A Word file with this table alone."""
        return write_docx([self], path)

    def to_excel(self, path: str | Path) -> Path:
        """A workbook with this table alone, as numbers."""
        with new_workbook(path) as book:
            write_frame(book, self.stem, self.to_frame(), title=self.title, below=self.below())
        return Path(path)


def quantile_table(frame: pd.DataFrame, rows: Sequence[str], title: str, *, columns: str = "scenario", note: str = "",
                   source: str = "", name: str = "") -> Table:
    """A table from a long quantile frame: a line for each combination of `rows`, a Range cell for each value of `columns`.

    Codes of goods, regions and indicators become names; units become those for readers and stand in a column, or in the note
    where all rows share one.
    """
    shown = for_readers(frame)
    unit_column = ["unit"] if shown["unit"].nunique() > 1 and "unit" not in rows else []
    keys = [*rows, *unit_column]
    heads = list(dict.fromkeys(shown[columns]))
    lines: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in shown.to_dict("records"):
        key = tuple(row[k] for k in keys)
        named = {k: _named(k, row[k]) for k in keys}
        cell = Range(*(float(row[q]) for q in QUANTILES))
        lines.setdefault(key, {**named, **{h: None for h in heads}})[row[columns]] = cell
    ranks = [{v: i for i, v in enumerate(dict.fromkeys(shown[k]))} for k in keys]
    ordered = [lines[key] for key in sorted(lines, key=lambda key: [rank[v] for rank, v in zip(ranks, key)])]
    unit = "" if unit_column else str(shown["unit"].iloc[0])
    return Table(title, pd.DataFrame(ordered, columns=[*keys, *heads]), {h: unit for h in heads if unit}, note, source, name)


def _named(column: str, value: Any) -> str:
    name = NAMES.get(column)
    return capitalised(name(str(value)) or str(value)) if name else str(value)


def _shown(value: Any, unit: str) -> str:
    """A cell as text."""
    if isinstance(value, Range):
        return format_range(*value, unit)
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "–"}[value]
    if isinstance(value, float | int):
        return format_number(float(value), unit)
    return str(value)


def _together(text: str) -> str:
    """A range in brackets kept on one line, by spaces that do not break."""
    before, _, rest = text.partition(" (")
    return f"{before} ({rest.replace(' ', NO_BREAK)}" if RANGE_TEXT.fullmatch(text) else text


def _one_line(text: str) -> str:
    return " ".join(text.replace("|", r"\|").split())


def latex(text: str) -> str:
    """Text with LaTeX's special characters escaped."""
    return "".join(LATEX.get(c, c) for c in text)


def slug(text: str) -> str:
    """A file stem or anchor: small letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60] or "untitled"
