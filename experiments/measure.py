"""How times are taken: all contenders in turn, in rounds, with compilation outside.

The machines that run this are shared and noisy, and the noise is slow: a minute may be 30 % slower than the next. So
every round calls every contender once, in a fresh random order; costs are the medians of the ratios *within* a round,
and every number keeps its quartiles. Python's garbage collector is off inside a measurement (`timeit` sees to it).
"""

import csv
import importlib.metadata
import os
import platform
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from timeit import Timer

import numba
import numpy as np
import scipy
import threadpoolctl


@dataclass(frozen=True)
class Problem:
    """A function of Numba's, arguments for it, and which of them are parameters. `sizes` tells it from its like."""

    name: str
    function: Callable
    arguments: tuple
    argnums: tuple[int, ...]
    sizes: dict[str, int]

    @property
    def parameters(self) -> int:
        return sum(np.size(self.arguments[i]) for i in self.argnums)


@dataclass(frozen=True)
class Contender:
    """Something to time. `share` is the part of the named work that one call does: 32 of 85 columns are 32/85."""

    name: str
    call: Callable[[], object]
    share: float = 1.0
    compile_s: float = 0.0


@dataclass(frozen=True)
class Row:
    """One line of the data: a contender on a problem. `*_s` are seconds; `passes*` count forward passes."""

    study: str
    problem: str
    batch: int
    width: int
    depth: int
    parameters: int
    contender: str
    measured_share: float
    compile_s: float
    median_s: float
    q25_s: float
    q75_s: float
    passes: float
    passes_q25: float
    passes_q75: float
    rounds: int
    calls: int


def first_call(call: Callable[[], object]) -> float:
    """Seconds that the first call takes: compilation, and one run that is not worth mentioning beside it."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def measure(
    study: str, problem: Problem, contenders: Sequence[Contender], *, rounds: int, block_s: float, seed: int = 0
) -> list[Row]:
    """Time `contenders` (the first is the forward pass) in interleaved rounds; short calls repeat for `block_s`."""
    timers = [Timer(contender.call) for contender in contenders]
    calls = []
    for timer in timers:
        timer.timeit(1)  # caches and memory pages are warm from here on
        calls.append(max(1, round(block_s / max(timer.timeit(1), 1e-7))))
    clocks = [lambda k=k: timers[k].timeit(calls[k]) / calls[k] / contenders[k].share for k in range(len(timers))]
    seconds = interleaved(clocks, rounds, seed)
    passes = seconds / seconds[:, :1]
    return [
        Row(
            study, problem.name, *(problem.sizes.get(name, 0) for name in ("batch", "width", "depth")),
            problem.parameters, contender.name, round(contender.share, 6), round(contender.compile_s, 3),
            *quartiles(seconds[:, k]), *quartiles(passes[:, k]), rounds, calls[k],
        )
        for k, contender in enumerate(contenders)
    ]  # fmt: skip


def interleaved(clocks: Sequence[Callable[[], float]], rounds: int, seed: int = 0) -> np.ndarray:
    """What every clock returns in every round; a round asks each of them once, in a fresh random order."""
    seconds = np.empty((rounds, len(clocks)))
    order, shuffle = list(range(len(clocks))), random.Random(seed).shuffle
    for row in seconds:
        shuffle(order)
        for k in order:
            row[k] = clocks[k]()
    return seconds


def machine() -> dict[str, str]:
    """What the numbers were taken on."""
    pools = [f"{p['internal_api']} {p['version']}: {p['num_threads']}" for p in threadpoolctl.threadpool_info()]
    return {
        "cpu": _cpu_model(),
        "cores": str(os.cpu_count()),
        "system": platform.platform(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": numba.__version__,
        "scipy": scipy.__version__,
        "threads": "; ".join(sorted(set(pools))),
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }


def installed(*packages: str) -> dict[str, str]:
    """The releases of those packages that are here."""
    found = {distribution.name.lower() for distribution in importlib.metadata.distributions() if distribution.name}
    return {package: importlib.metadata.version(package) for package in packages if package in found}


def write_csv(path: Path, rows: Sequence, notes: dict[str, str]) -> None:
    """Write `rows`, all of one dataclass, under comment lines that carry `notes` and the machine."""
    with path.open("w", newline="", encoding="utf-8") as file:
        for key, value in {**notes, **machine()}.items():
            file.write(f"# {key}: {value}\n")
        writer = csv.writer(file, lineterminator="\n")
        names = [field.name for field in fields(rows[0])]
        writer.writerow(names)
        for row in rows:
            values = (getattr(row, name) for name in names)
            writer.writerow([f"{value:.6g}" if isinstance(value, float) else value for value in values])


def read_csv(path: Path, row: type = Row) -> list:
    """The rows of a file that `write_csv` wrote, of the dataclass `row`."""
    with path.open(newline="", encoding="utf-8") as file:
        lines = csv.DictReader(line for line in file if not line.startswith("#"))
        return [row(**{field.name: field.type(line[field.name]) for field in fields(row)}) for line in lines]


def quartiles(samples: np.ndarray) -> tuple[float, float, float]:
    """The median, and the quartiles below and above it."""
    low, middle, high = np.quantile(samples, (0.25, 0.5, 0.75))
    return float(middle), float(low), float(high)


def duration(seconds: float) -> str:
    """1.23e-5 as 12.3 µs."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
