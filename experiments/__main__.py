"""`python -m experiments [names]`: ask the questions, print the answers, draw them. Without a name: all that the article asks."""

import argparse
import ast
import contextlib
import importlib
import io
import os
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

# In the order of the article. `peers` needs other systems and half an hour, so it is run by name alone.
ARTICLE = (
    "tour", "primitives", "paths", "reverse_sweep", "jacobians", "catalogue", "modes", "modules", "costs", "descent", "tape",
    "cost",
)  # fmt: skip
NAMES = (*ARTICLE, "report", "peers")
USUAL = (*ARTICLE, "report")
TIMED = {"cost", "peers"}  # whose figures hold the time of compilation
HERE = Path(__file__).resolve().parent
PLOTS = HERE.parent / "plots"


def main() -> None:
    options = _options()
    console = Console(width=None if os.isatty(1) else 140)
    PLOTS.mkdir(exist_ok=True)
    for name in options.names:
        doc = ast.get_docstring(_syntax(name))
        console.print(f"[bold]{name}[/]  {doc.splitlines()[0]}")
        if not options.list:
            with _all_compiled() if name in TIMED else contextlib.nullcontext():
                (_run_script if name == "tour" else _run)(name, doc, options.scale, console)


@contextlib.contextmanager
def _all_compiled() -> Iterator[None]:
    """Nothing comes from the disk: how long compilation takes is one of the figures."""
    before = os.environ.get("DUALTAPE_CACHE_DIR")
    os.environ["DUALTAPE_CACHE_DIR"] = "off"
    try:
        yield
    finally:
        os.environ.pop("DUALTAPE_CACHE_DIR")
        if before is not None:
            os.environ["DUALTAPE_CACHE_DIR"] = before


def _syntax(name: str) -> ast.Module:
    """A module's text; to list experiments, none is imported."""
    return ast.parse(HERE.joinpath(f"{name}.py").read_text(encoding="utf-8"))


def _run_script(name: str, doc: str, scale: str, console: Console) -> None:
    """Run a script from top to bottom, and keep what it prints."""
    from experiments import report

    start, printed = time.perf_counter(), io.StringIO()
    with contextlib.redirect_stdout(printed):
        importlib.import_module(f"experiments.{name}")
    console.print(printed.getvalue(), markup=False, highlight=False)
    held = sum(isinstance(node, ast.Assert) for node in ast.walk(_syntax(name)))
    finding = f"All of its {held} assertions hold."
    console.print(finding + "\n", style="bold", highlight=False)
    report.keep(PLOTS, name, doc, [printed.getvalue()], finding, [], time.perf_counter() - start, scale)


def _run(name: str, doc: str, scale: str, console: Console) -> None:
    """Run an experiment, print what it found, and keep that for `report`."""
    from experiments import report

    module, start = importlib.import_module(f"experiments.{name}"), time.perf_counter()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        rows = module.run(PLOTS, scale, lambda work, bar=progress: bar.track(work, description="measuring"))
    tables, finding = list(module.tables(rows)), module.finding(rows)
    for table in tables:
        console.print(table)
    console.print(f"\n{finding}\n", style="bold", highlight=False)
    seconds = time.perf_counter() - start
    files = [file for file in module.MAKES if (PLOTS / file).exists()]
    console.print(f"wrote {', '.join(os.path.relpath(PLOTS / file) for file in files)} in {seconds:.0f} s\n", highlight=False)
    if module is not report:
        report.keep(PLOTS, name, doc, tables, finding, files, seconds, scale)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m experiments", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"which to run (all but peers): {', '.join(NAMES)}")
    parser.add_argument("--list", action="store_true", help="say what there is, and run nothing")
    parser.add_argument("--only", metavar="problem,...", help="of peers: these problems")
    parser.add_argument("--threads", metavar="N", help="of peers: threads of every system (1)")
    scale = parser.add_mutually_exclusive_group()
    scale.add_argument("--quick", dest="scale", action="store_const", const="quick", help="seconds, and rough")
    scale.add_argument("--full", dest="scale", action="store_const", const="full", help="more sizes, more rounds")
    # The environment variable lets CI run the README's command to the letter, and still be quick.
    parser.set_defaults(scale="quick" if os.environ.get("EXPERIMENTS_QUICK") else "default")
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"no such experiment: {', '.join(sorted(unknown))} (there is: {', '.join(NAMES)})")
    options.names = options.names or (NAMES if options.list else USUAL)
    for name in ("only", "threads"):  # the workers of peers are to know, too
        if value := getattr(options, name):
            os.environ[f"EXPERIMENTS_{name.upper()}"] = value
    return options


if __name__ == "__main__":
    main()
