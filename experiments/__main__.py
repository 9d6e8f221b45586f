"""`python -m experiments [names]`: run experiments, print what they find, write `plots/NAME.csv` and `.png`."""

import argparse
import importlib
import os
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

NAMES = ("cost",)
PLOTS = Path(__file__).resolve().parent.parent / "plots"


def main() -> None:
    options = _options()
    os.environ["DUALTAPE_CACHE_DIR"] = "off"  # how long compilation takes is one of the figures
    console = Console(width=None if os.isatty(1) else 120)
    for name in options.names:
        module = importlib.import_module(f"experiments.{name}")
        question = module.__doc__.splitlines()[0]
        if options.list:
            console.print(f"[bold]{name}[/]  {question}")
            continue
        console.print(f"[bold]{name}[/]  {question}")
        start = time.perf_counter()
        PLOTS.mkdir(exist_ok=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console) as progress:
            rows = module.run(PLOTS, options.scale, lambda work, bar=progress: bar.track(work, description="measuring"))
        _print_tables(console, rows)
        console.print(f"\n{module.finding(rows)}\n", style="bold", highlight=False)
        shown = [os.path.relpath(PLOTS / f"{name}.{suffix}") for suffix in ("png", "csv")]
        console.print(f"wrote {shown[0]} and {shown[1]} in {time.perf_counter() - start:.0f} s", highlight=False)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m experiments", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"which to run (all): {', '.join(NAMES)}")
    parser.add_argument("--list", action="store_true", help="say what there is, and run nothing")
    scale = parser.add_mutually_exclusive_group()
    scale.add_argument("--quick", dest="scale", action="store_const", const="quick", help="seconds, and rough")
    scale.add_argument("--full", dest="scale", action="store_const", const="full", help="more sizes, more rounds")
    # The environment variable lets CI run the README's command to the letter, and still be quick.
    parser.set_defaults(scale="quick" if os.environ.get("EXPERIMENTS_QUICK") else "default")
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"no such experiment: {', '.join(sorted(unknown))} (there is: {', '.join(NAMES)})")
    options.names = options.names or NAMES
    return options


def _print_tables(console: Console, rows: list) -> None:
    for study in dict.fromkeys(row.study for row in rows):
        chosen = [row for row in rows if row.study == study]
        table = Table(title=f"{study}: {', '.join(dict.fromkeys(row.problem for row in chosen))}", title_justify="left")
        for heading in ("batch", "width", "depth", "parameters"):
            table.add_column(heading, justify="right")
        table.add_column("contender")
        for heading in ("compile", "time", "quartiles", "forward passes"):
            table.add_column(heading, justify="right")
        before = None
        for row in chosen:
            sizes = (row.batch, row.width, row.depth, row.parameters)
            if before not in (None, sizes):
                table.add_section()
            table.add_row(
                *("" if sizes == before or not size else f"{size:,}" for size in sizes),
                row.contender + (" *" if row.measured_share < 1 else ""),
                f"{row.compile_s:.1f} s" if row.compile_s else "",
                duration(row.median_s),
                f"{duration(row.q25_s)} – {duration(row.q75_s)}",
                f"{row.passes:,.2f}",
            )
            before = sizes
        console.print(table)
        if any(row.measured_share < 1 for row in chosen):
            console.print("* extrapolated to all parameters from those measured: see measured_share in the data")


def duration(seconds: float) -> str:
    """1.23e-5 as 12.3 µs."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


if __name__ == "__main__":
    main()
