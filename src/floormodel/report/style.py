"""One style for every chart: sizes, colours that survive grey print and colour blindness, header, footer, files.

Charts are built with matplotlib's objects and never with pyplot, so that nothing is left open between them. Text is never
read as mathematics, whatever a user's names contain.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import Formatter, MaxNLocator

from floormodel.report.labels import NO_POLICY

INK, GRID, GREY = "#333333", "#dddddd", "#8a8a8a"
BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
LINES: tuple[Any, ...] = ("-", (0, (6, 1.5)), "-.", (0, (1, 1.2)), (0, (8, 2, 1, 2, 1, 2)), (0, (3, 3)))
MARKERS = ("o", "s", "^", "D", "v", "P")
HATCHES = ("", "////", "..", "xxxx", "\\\\\\\\", "++")
WIDTH = 7.4  # inches
LEFT = 0.012  # left edge of header and footer, share of the width
RC: Any = {
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica"],
    "font.size": 8.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#777777",
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.titlesize": 9.0,
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.labelsize": 8.5,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.linewidth": 0.7,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.6,
    "hatch.color": "white",
    "svg.hashsalt": "floormodel",
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "axes.unicode_minus": True,
    "figure.facecolor": "white",
    "figure.autolayout": False,
    "figure.constrained_layout.use": False,
    "savefig.facecolor": "white",
    "path.simplify": False,
}
P = ParamSpec("P")


class Look(NamedTuple):
    """How one scenario is drawn, in every chart alike."""

    colour: str
    marker: str
    hatch: str
    line: Any


class ChartFigure(Figure):
    """A figure that notebooks show by themselves."""

    def _repr_png_(self) -> bytes:
        return figure_bytes(self, "png", dpi=110)


@dataclass(frozen=True)
class Provenance:
    """What every chart's footer says: market, benchmark year, draws, share of draws solved, where the figures come from."""

    market: str
    year: int
    draws: int = 1
    converged: float = 1.0
    source: str = "own calculation with floormodel"

    def line(self) -> str:
        """One or two sentences."""
        drawn = (
            f"{self.draws:,} draws, {format(100 * self.converged, '.3g')} % solved"
            if self.draws > 1
            else "central values, no draws"
        )
        return f"Market: {self.market}, benchmark {self.year}; {drawn}. Source: {self.source}."


def styled(function: Callable[P, Figure]) -> Callable[P, Figure]:
    """Run a chart function under the house style."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with mpl.rc_context(RC):
            return function(*args, **kwargs)

    return run


def new_figure(
    height: float, columns: int = 1, rows: int = 1, width: float = WIDTH, **options: Any
) -> tuple[Figure, list[Axes]]:
    """An empty figure and its axes, row by row; `height` (inches) is for the axes, header and footer come on top."""
    figure = ChartFigure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, list(axes.ravel())


def finish(
    figure: Figure,
    title: str,
    subtitle: str = "",
    footer: Sequence[str] = (),
    handles: Sequence[Any] = (),
) -> Figure:
    """Put title, subtitle and legend above the axes and the footer below, growing the figure by what they need."""
    width, height = figure.get_size_inches()
    heads = textwrap.wrap(title, int(width * 10.6))
    subs = textwrap.wrap(subtitle, int(width * 16.6))
    notes = textwrap.wrap(" ".join(f for f in footer if f), int(width * 19))
    legend_columns = _legend_columns([str(h.get_label()) for h in handles], width)
    legend_rows = -(-len(handles) // legend_columns)
    top = 0.10 + 0.19 * len(heads) + 0.165 * len(subs) + 0.19 * legend_rows + 0.09
    bottom = 0.08 + 0.135 * len(notes)
    total = height + top + bottom
    figure.set_size_inches(width, total)
    engine = figure.get_layout_engine()
    assert isinstance(engine, ConstrainedLayoutEngine)
    engine.set(rect=(0, bottom / total, 0.995, height / total))
    y = 1 - 0.08 / total
    figure.text(LEFT, y, "\n".join(heads), fontsize=11, fontweight="bold", va="top", linespacing=1.2)
    y -= (0.19 * len(heads) + 0.02) / total
    if subs:
        figure.text(LEFT, y, "\n".join(subs), fontsize=8.5, va="top", linespacing=1.3)
        y -= (0.165 * len(subs) + 0.03) / total
    if handles:
        legend = figure.legend(
            handles=list(handles),
            loc="upper left",
            bbox_to_anchor=(LEFT, y),
            borderpad=0,
            borderaxespad=0,
            ncols=legend_columns,
            columnspacing=1.6,
            handlelength=2.2,
        )
        legend.set_in_layout(False)
    figure.text(LEFT, 0.06 / total, "\n".join(notes), fontsize=7, va="bottom", linespacing=1.35, color="#555555")
    for _ in range(2):  # the second pass settles what the first one moved; then places are kept, whatever is drawn later
        engine.execute(figure)
    figure.set_layout_engine(None)
    return figure


def _legend_columns(names: Sequence[str], width: float) -> int:
    """The most columns whose entries, filled downwards, fit side by side into `width` inches."""
    for columns in range(len(names), 1, -1):
        rows = -(-len(names) // columns)
        longest = [max(len(n) for n in names[k:k + rows]) for k in range(0, len(names), rows)]
        if sum(0.068 * n + 0.5 for n in longest) <= 0.97 * width:
            return len(longest)
    return 1


class PlainNumbers(Formatter):
    """Tick labels with as many decimals as the ticks of the axis need, the same for all; no powers of ten set apart."""

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """Labels of all ticks of an axis."""
        places = max((len(f"{v:.8g}".partition(".")[2]) for v in values if "e" not in f"{v:.8g}"), default=0)
        return [self._text(v, places) for v in values]

    def __call__(self, x: float, pos: int | None = None) -> str:
        return self._text(x, max(0, len(f"{x:.8g}".partition(".")[2])))

    @staticmethod
    def _text(value: float, places: int) -> str:
        return f"{value + 0.0:,.{min(places, 8)}f}".replace("-", "−")


def look(names: Sequence[str], name: str) -> Look:
    """Colour, marker, hatch and line of a scenario: grey without policy, then one after the other."""
    if name == NO_POLICY:
        return Look(GREY, "d", "", "-")
    k = [n for n in names if n != NO_POLICY].index(name) % len(COLOURS)
    return Look(COLOURS[k], MARKERS[k], HATCHES[k], LINES[k])


def value_axis(axes: Axes, which: str = "x", unit: str = "", zero: bool = False) -> None:
    """Grid, plain numbers and the unit on the axis that carries values; a line at zero where bars start there."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(PlainNumbers())
    grid = axes.get_subplotspec()
    across = grid.get_gridspec().ncols if grid is not None else 1
    axis.set_major_locator(MaxNLocator({1: 9, 2: 6}.get(across, 4) if which == "x" else 7, steps=[1, 2, 2.5, 5, 10]))
    axis.set_tick_params(length=2.5)
    (axes.yaxis if which == "x" else axes.xaxis).set_tick_params(length=0 if which == "x" else 2.5)
    axes.grid(axis="x" if which == "x" else "y")
    if unit:
        axis.set_label_text(unit)
    if zero:
        (axes.axvline if which == "x" else axes.axhline)(0, color=INK, linewidth=0.8, zorder=2.5, clip_on=False)


def category_axis(axes: Axes, labels: Sequence[str], positions: Sequence[float] | None = None) -> None:
    """Labels down the left side, first on top; long ones are wrapped."""
    at = np.arange(len(labels)) if positions is None else np.asarray(positions)
    axes.set_yticks(at, [textwrap.fill(label, 26) for label in labels])
    axes.set_ylim(at.max() + 0.6, at.min() - 0.6)


def figure_bytes(figure: Figure, kind: str, dpi: int = 300) -> bytes:
    """The figure as svg, pdf or png; equal figures give equal bytes."""
    metadata: dict[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {"Software": None}}[kind]
    buffer = io.BytesIO()
    with mpl.rc_context(RC):
        figure.savefig(buffer, format=kind, metadata=metadata, dpi=dpi)
    return buffer.getvalue()


def save_figure(figure: Figure, folder: str | Path, name: str, svg: bytes | None = None) -> list[Path]:
    """Write `name`.svg, .pdf and .png (300 dpi) into `folder`, byte for byte the same each time; returns the paths. `svg`: where it is
    drawn already."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.{kind}" for kind in ("svg", "pdf", "png")]
    for path in paths:
        drawn = svg if path.suffix == ".svg" else None
        path.write_bytes(figure_bytes(figure, path.suffix[1:]) if drawn is None else drawn)
    return paths
