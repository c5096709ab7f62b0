"""The command line: run and check study files, list what there is.

Exit codes: 0 done; 2 input refused; 3 done but some draws or scenarios not solved; 4 internal error; 5 not written;
130 interrupted.
"""

from __future__ import annotations

import inspect
import io
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from floormodel.difference import diff
from floormodel.equilibrium.solve import build_terms
from floormodel.errors import FloormodelError, InertWarning
from floormodel.market import list_markets, load_market
from floormodel.policies import REGISTRY
from floormodel.report.market_card import market_card
from floormodel.report.market_folder import write_market
from floormodel.report.policy_pages import policies_page
from floormodel.report.run_folder import check_target, write_run_folder
from floormodel.report.study_run import run_study, write_study
from floormodel.scenario import MAX_DRAWS, read_study

UNSOLVED, INTERNAL, DISK, INTERRUPTED = 3, 4, 5, 130


class Commands(click.Group):
    """A group whose errors end in the documented exit codes, without a traceback unless --debug is given."""

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None,  # type: ignore[override]
             **extra: Any) -> NoReturn:
        """Run a command and leave with its exit code."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # a terminal that cannot show a minus sign shows a question mark
        sys.exit(self._guarded(list(sys.argv[1:] if args is None else args), prog_name))

    def _guarded(self, words: list[str], prog_name: str | None) -> int:
        main_thread = threading.current_thread() is threading.main_thread()
        # a batch queue's request to stop is as good as Ctrl-C
        before = signal.signal(signal.SIGTERM, _interrupt) if main_thread else None
        try:
            code = super().main(words, prog_name, standalone_mode=False)
            return code if isinstance(code, int) else 0
        except (KeyboardInterrupt, click.Abort):
            click.echo("interrupted: nothing was written", err=True)
            return INTERRUPTED
        except click.ClickException as exc:
            exc.show()
            return exc.exit_code
        except Exception as exc:
            if "--debug" in words:
                traceback.print_exc()
            return _explain(exc)
        finally:
            if main_thread:
                signal.signal(signal.SIGTERM, before)


def _explain(error: Exception) -> int:
    """Say what went wrong on stderr; the exit code."""
    if isinstance(error, FloormodelError):
        click.echo(f"error: {error}", err=True)
        return error.exit_code
    if isinstance(error, MemoryError):
        click.echo("error: not enough memory for all draws at once; ask for fewer with --draws", err=True)
        return INTERNAL
    if isinstance(error, OSError):
        click.echo(f"error: {error.filename or 'disk'}: {error.strerror or error}", err=True)
        return DISK
    click.echo(f"internal error: {type(error).__name__}: {error}\nThis is a fault of floormodel, not of your study. "
               "Run it again with --debug for the traceback.", err=True)
    return INTERNAL


def _interrupt(signum: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def debug_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The --debug option of every command; `Commands` looks for it when something fails."""
    return click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")(command)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="floormodel")
def main() -> None:
    """Price floors and their rivals in critical-minerals markets."""


@main.command()
@click.argument("study", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder for the results.")
@click.option("--overwrite", is_flag=True, help="Replace the results of an earlier run.")
@click.option("--draws", type=click.IntRange(1, MAX_DRAWS), help="Number of draws, instead of the study's.")
@debug_option
def run(study: Path, output: Path, overwrite: bool, draws: int | None) -> int:
    """Run the study file STUDY and write a folder of results."""
    question = read_study(study)
    if draws is not None:
        question = question.with_draws(draws)
    check_target(output, overwrite)
    market = question.load()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        runs = run_study(question, market, progress=True)
    notes = list(dict.fromkeys(f"{w.category.__name__}: {w.message}" for w in caught))
    for note in notes:
        click.echo(note, err=True)
    folder = write_run_folder(output, lambda new: write_study(new, question, runs, notes), overwrite)
    click.echo(runs.summary())
    click.echo(f"results: {folder}")
    return 0 if runs.share_converged == 1.0 else UNSOLVED


@main.command()
@click.argument("study", type=click.Path(path_type=Path))
@debug_option
def check(study: Path) -> int:
    """Check the study file STUDY against its market, without running it, and name what would change nothing."""
    question = read_study(study)
    market = question.load()
    for name, chosen in question.scenarios.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InertWarning)
            notes = build_terms(market, chosen)[1]
        for note in notes:
            click.echo(f"note: {name}: {note}", err=True)
    policies = sum(len(p) for p in question.scenarios.values())
    draws = f"{question.ensemble.draws:,} draws" if question.ensemble else "central figures"
    click.echo(f"{study}: no faults; market {question.market}, {len(question.scenarios)} scenario(s), "
               f"{policies} policies, {draws}")
    return 0


@main.command("diff")
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@debug_option
def diff_command(old: Path, new: Path) -> int:
    """Say what the study file or run folder NEW has instead of OLD: inputs and, of two run folders, results."""
    click.echo(diff(old, new).to_markdown())
    return 0


@main.command()
@click.argument("market")
@click.option("-o", "--output", type=click.Path(path_type=Path, file_okay=False), help="Folder for the card and the market's charts.")
@debug_option
def card(market: str, output: Path | None) -> int:
    """The data card of MARKET: stages, sources, what was moved, assumed and checked (Markdown); with -o its charts too."""
    if output is None:
        click.echo(market_card(market), nl=False)
    else:
        click.echo(f"{len(write_market(market, output))} files: {output}")
    return 0


@main.command("list")
@click.argument("what", type=click.Choice(["markets", "policies"]))
@click.option("--markdown", is_flag=True, help="The page docs/policies.md (policies only).")
@debug_option
def list_command(what: str, markdown: bool) -> int:
    """List the markets or the policies there are, with what a study file may say about them."""
    if markdown:
        if what == "markets":
            raise click.UsageError("--markdown: expected `floormodel list policies --markdown`; markets are described in docs/data.md")
        click.echo(policies_page(), nl=False)
        return 0
    click.echo("\n\n".join(describe_market(n) for n in list_markets()) if what == "markets" else
               "\n\n".join(describe_policy(kind) for kind in sorted(REGISTRY)))
    return 0


def describe_market(name: str) -> str:
    """Name, title and labels of a market, as lines of text."""
    market = load_market(name)
    opened = market.open_projects("all").opened
    lines = [f"{name}: {market.title}", f"  benchmark  {market.year}, {market.basis}",
             f"  goods      {', '.join(market.goods)}", f"  regions    {', '.join(market.regions)}"]
    if opened:
        lines.append("  projects   " + ", ".join(f"{good}:{region}" for good, region in opened))
    return "\n".join(lines)


def describe_policy(kind: str) -> str:
    """Kind, first line and fields of an instrument, as lines of text; fields without a default come first."""
    model = REGISTRY[kind]
    fields = [(name, f) for name, f in model.model_fields.items() if name != "kind"]
    lines = [f"{kind}: {inspect.cleandoc(model.__doc__ or '').splitlines()[0]}"]
    for name, f in sorted(fields, key=lambda item: not item[1].is_required()):
        default = "needed" if f.is_required() else f"default {f.get_default(call_default_factory=True)!r}"
        lines.append(f"  {name:18} {default}")
    return "\n".join(lines)
