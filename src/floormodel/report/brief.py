"""A brief: one HTML file with nothing to fetch, its figures and tables beside it in the formats that papers need."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from floormodel.report.extras import load_extra
from floormodel.report.style import figure_bytes, save_figure
from floormodel.report.tables import Table, slug
from floormodel.report.word import write_docx


@dataclass(frozen=True, eq=False)
class Chart:
    """A figure of a brief. `alt` says in words what it shows, for readers who cannot see it; `name` is the stem of its files.

    `table` holds the numbers behind it, folded away below the figure.
    """

    figure: Figure
    name: str
    alt: str
    caption: str = ""
    table: Table | None = None


@dataclass(frozen=True)
class Points:
    """A list of short statements."""

    items: Sequence[str]


Block = str | Points | Chart | Table


@dataclass(frozen=True, eq=False)
class Section:
    """A section: a title and paragraphs (plain text; **bold** is the only mark), points, charts and tables in their order."""

    title: str
    blocks: Sequence[Block] = ()


@dataclass(frozen=True)
class Headline:
    """A key number on top of the brief: `value` with its range as text, what it is, a remark."""

    value: str
    label: str
    note: str = ""


@dataclass(frozen=True, eq=False)
class Brief:
    """All that a brief says. `notes` close it: provenance, versions, how to cite."""

    title: str
    subtitle: str = ""
    headlines: Sequence[Headline] = ()
    summary: Sequence[str] = ()
    sections: Sequence[Section] = ()
    notes: Sequence[str] = ()
    footer: str = field(default="Made with floormodel. No part of this page is fetched from elsewhere.")


def write_brief(brief: Brief, folder: str | Path) -> Path:
    """Write brief.html, figures/*.svg|pdf|png, tables/*.tex and tables/tables.docx into `folder`; returns the HTML file's path.

    Equal briefs give equal bytes.

    Raises
    ------
    OutputError
        Where a library of the `[report]` extra is not installed.
    ValueError
        Where two charts or two tables would share a file name.
    """
    folder = Path(folder)
    charts, tables = list(_of_kind(brief, Chart)), list(_of_kind(brief, Table))
    _check_names([c.name for c in charts], "chart")
    _check_names([t.stem for t in tables], "table")
    drawn = {chart.name: figure_bytes(chart.figure, "svg") for chart in charts}
    page = render(brief, drawn)
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    for chart in charts:
        save_figure(chart.figure, folder / "figures", chart.name, drawn[chart.name])
    for table in tables:
        (folder / "tables" / f"{table.stem}.tex").write_text(table.to_latex(), encoding="utf-8", newline="\n")
    if tables:
        write_docx(tables, folder / "tables" / "tables.docx", brief.title)
    path = folder / "brief.html"
    path.write_text(page, encoding="utf-8", newline="\n")
    return path


def render(brief: Brief, drawn: Mapping[str, bytes] | None = None) -> str:
    """The brief as one HTML page: figures inside it, no script, a policy that lets nothing be fetched. `drawn`: SVG of charts by name,
    where they are drawn already."""
    known = drawn or {}

    def svg_address(chart: Chart) -> str:
        """The chart as a data address."""
        svg = known[chart.name] if chart.name in known else figure_bytes(chart.figure, "svg")
        return "data:image/svg+xml;base64," + base64.b64encode(svg).decode("ascii")

    jinja = load_extra("jinja2")
    environment = jinja.Environment(autoescape=True, undefined=jinja.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
                                    keep_trailing_newline=True)
    markup = load_extra("markupsafe").Markup
    environment.filters.update(emphasised=lambda text: markup(emphasised(text)), svg_address=svg_address)
    template = environment.from_string(resources.files("floormodel.report").joinpath("brief.html.j2").read_text("utf-8"))
    return str(template.render(brief=brief, sections=_numbered(brief, markup)))


def emphasised(text: str) -> str:
    """Escaped text in which **words** are bold."""
    parts = html.escape(text).split("**")
    if len(parts) % 2 == 0:
        return html.escape(text)
    return "".join(f"<strong>{part}</strong>" if k % 2 else part for k, part in enumerate(parts))


def _numbered(brief: Brief, markup: Any) -> list[dict[str, Any]]:
    """Sections as the template reads them: anchors, figures and tables numbered through the brief."""
    figures = tables = 0
    out = []
    for k, section in enumerate(brief.sections, 1):
        blocks: list[dict[str, Any]] = []
        for block in section.blocks:
            if isinstance(block, Chart):
                figures += 1
                data = markup(block.table.to_html()) if block.table else ""
                blocks.append({"kind": "chart", "chart": block, "label": f"Figure {figures}", "data": data})
            elif isinstance(block, Table):
                tables += 1
                caption = f"Table {tables}. {block.title}"
                blocks.append({"kind": "table", "html": markup(block.to_html(caption)), "below": block.below()})
            elif isinstance(block, Points):
                blocks.append({"kind": "points", "items": list(block.items)})
            else:
                blocks.append({"kind": "text", "text": block})
        out.append({"anchor": f"{k}-{slug(section.title)}", "title": section.title, "blocks": blocks})
    return out


def _of_kind(brief: Brief, kind: type) -> Iterator[Any]:
    return (b for section in brief.sections for b in section.blocks if isinstance(b, kind))


def _check_names(names: Sequence[str], what: str) -> None:
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise ValueError(f"brief: found {what} names used twice: {', '.join(twice)}; give each its own name")
    bad = [n for n in names if n != slug(n) and n != slug(n).replace("-", "_")]
    if bad:
        raise ValueError(f"brief: found {what} names that make poor file names: {bad}; use small letters, digits and one of - and _")
