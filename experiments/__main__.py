"""`python -m experiments [names]`: run experiments, print what they find, write `plots/NAME.csv` and `.png`."""

import argparse
import importlib
import os
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

NAMES = ("cost", "peers")
USUAL = ("cost",)  # what runs when no name is given; the comparison with other systems takes half an hour
PLOTS = Path(__file__).resolve().parent.parent / "plots"


def main() -> None:
    options = _options()
    os.environ["DUALTAPE_CACHE_DIR"] = "off"  # how long compilation takes is one of the figures
    console = Console(width=None if os.isatty(1) else 140)
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
        for table in module.tables(rows):
            console.print(table)
        console.print(f"\n{module.finding(rows)}\n", style="bold", highlight=False)
        made = [f"{stem}.{suffix}" for stem in getattr(module, "MAKES", (name,)) for suffix in ("png", "csv")]
        files = [os.path.relpath(PLOTS / file) for file in made]
        console.print(f"wrote {', '.join(files)} in {time.perf_counter() - start:.0f} s", highlight=False)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m experiments", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"which to run ({', '.join(USUAL)}): {', '.join(NAMES)}")
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
