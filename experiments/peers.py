"""How close does a derived gradient come to one written by hand, and to those of JAX, PyTorch, autograd and DaCe?

Every system runs in a process of its own, on the same number of threads and pinned to the same cores, so that the clocks can
be interleaved: in each round the processes are asked one after the other, in random order, to time their call, and all others
sleep. What is compared are ratios within a round. Every gradient is first held against the one written by hand. A system that
is not installed (`pip install -e '.[peers]'` installs all) is left out, and the data say so.
"""

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from experiments import problems
from experiments.measure import installed, interleaved, quartiles, read_csv, write_csv
from experiments.standing import (  # noqa: F401  (`finding` and `tables` are what `python -m experiments` prints)
    CACHED,
    COLD,
    GRADIENTS,
    INSIDE,
    OUTSIDE,
    PEERS,
    Row,
    draw,
    finding,
    markdown,
    tables,
    write_readme,
)
from experiments.worker import SYSTEMS

MAKES = ("peers.png", "peers.csv")

STARTED = ("rosenbrock", "gmm_loops", "heat_2d_slices", "lstm")  # whose first derivative in a fresh process is timed
CACHES = {"plain": "NUMBA_CACHE_DIR", "ours": "DUALTAPE_CACHE_DIR", "jax": "JAX_COMPILATION_CACHE_DIR"}
PATIENCE_S = {"jax": 120, "torch": 15, "autograd": 15, "dace": 40}  # longer is not worth the wait; DaCe calls a C++ compiler
SCALES = {
    "quick": {
        "problems": ("gmm_loops", "logsumexp", "rosenbrock"),
        "sizes": 1,
        "systems": ("by_hand", "plain", "ours"),
        "rounds": 3,
        "block_s": 1e-3,
        "case_s": 2.0,
        "starts": 0,
    },
    "default": {
        "problems": None,
        "sizes": None,
        "systems": tuple(SYSTEMS),
        "rounds": 9,
        "block_s": 20e-3,
        "case_s": 5.0,
        "starts": 3,
    },
    "full": {
        "problems": None,
        "sizes": None,
        "systems": tuple(SYSTEMS),
        "rounds": 31,
        "block_s": 50e-3,
        "case_s": 60.0,
        "starts": 9,
    },
}


def run(folder: Path, scale: str, track: Callable[[list], Iterator]) -> list[Row]:
    """Measure all problems, write `folder/peers.csv`, and from it `peers.png`, `peers.md` and, of all, README's table."""
    settings = SCALES[scale]
    only = os.environ.get("EXPERIMENTS_ONLY")
    chosen = only.split(",") if only else settings["problems"] or problems.names()
    if unknown := set(chosen) - set(problems.names()):
        raise SystemExit(f"no such problem: {', '.join(sorted(unknown))} (there is: {', '.join(problems.names())})")
    rows = []
    for name in track(chosen):
        rows += gradients(name, settings)
        if settings["starts"] and name in STARTED:
            rows += first_derivatives(name, settings["starts"])
    rows += tiny_calls(settings)
    notes = {
        "question": __doc__.splitlines()[0],
        "scale": scale,
        "threads of every system": str(_threads()),
        "times": "seconds a call from Python, median and quartiles of interleaved rounds",
        "first_s": "the first call of this size in its process: the first of all compiles, and JAX compiles for every size",
        "passes, by_hand, ours": "the same in forward passes, in gradients by hand, in the toolkit's: ratios within a round",
        "peak_bytes": "what one call holds at most, result included, beyond what its process held before it: the system's pages",
        "held_bytes": "what one call of Numba's holds at most, without its result: tapes, shadows and work arrays alike, exact",
        f"{COLD}, and from the disk cache": "median_s is import_s and first_s, in fresh processes; of the forward pass, too",
        f"{INSIDE}": "one of a loop of calls in compiled code",
        "note": "why there are no times",
        **installed("jax", "jaxlib", "torch", "autograd", "dace"),
    }
    data = folder / "peers.csv"
    write_csv(data, rows, notes)
    rows = read_csv(data, Row)
    (folder / "peers.md").write_text(markdown(rows), encoding="utf-8")
    draw(rows, folder / "peers.png")
    if not only and scale != "quick":
        write_readme(folder.parent / "README.md", rows)
    return rows


# --- processes --------------------------------------------------------------------------------------------------------


def _threads() -> int:
    return int(os.environ.get("EXPERIMENTS_THREADS", "1"))


def _surroundings(**more: str) -> dict[str, str]:
    """The environment of every worker: so many threads, whoever makes them."""
    n = str(_threads())
    pools = ("OMP", "OPENBLAS", "MKL", "NUMBA", "VECLIB_MAXIMUM")
    xla = f"--xla_cpu_multi_thread_eigen={'false' if n == '1' else 'true'} intra_op_parallelism_threads={n}"
    threads = {**{f"{pool}_NUM_THREADS": n for pool in pools}, "XLA_FLAGS": xla, "JAX_PLATFORMS": "cpu"}
    return {**os.environ, **threads, "DUALTAPE_CACHE_DIR": "off", **more}


class System:
    """A worker process, spoken to in lines of JSON. What went wrong with it stays, and is its answer from there on."""

    def __init__(self, name: str, **more: str):
        self.patience = PATIENCE_S.get(name, 300)
        self.folder = tempfile.TemporaryDirectory()  # for what a system builds
        self.process = subprocess.Popen(
            (sys.executable, "-m", "experiments.worker", name),
            cwd=Path(__file__).parents[1], env=_surroundings(TMPDIR=self.folder.name, **more),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        if hasattr(os, "sched_setaffinity"):  # threads that a library makes of its own share these cores
            cores = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(self.process.pid, cores[-_threads() :])
        self.greeted, self.gone = False, ""

    def ask(self, **request) -> dict:
        """The reply; {"note": reason} if there is none."""
        if not self.greeted and not self.gone:
            self.greeted, answer = True, self._read()
            self.gone = answer.get("note", "")
        if self.gone:
            return {"note": self.gone}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self._read()

    def _read(self) -> dict:
        watchdog = threading.Timer(self.patience, self.process.kill)
        watchdog.start()
        line = self.process.stdout.readline()
        in_time = watchdog.is_alive()
        watchdog.cancel()
        if not line:
            self.gone = f"died ({self.process.wait()})" if in_time else f"over {self.patience} s"
            return {"note": self.gone}
        return json.loads(line)

    def close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            pipe.close()
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()


# --- measuring --------------------------------------------------------------------------------------------------------


def gradients(name: str, settings: dict) -> list[Row]:
    """All sizes of one problem, in one process a system."""
    systems = {system: System(system) for system in settings["systems"]}
    try:
        count = len(problems.load(name).SIZES[: settings["sizes"]])
        return [row for size in range(count) for row in _case(name, size, systems, settings)]
    finally:
        for system in systems.values():
            system.close()


def _case(name: str, size: int, systems: dict[str, System], settings: dict) -> list[Row]:
    replies = {}
    with tempfile.TemporaryDirectory() as folder:
        for system, process in systems.items():
            reference = str(Path(folder) / "by_hand.npz")
            replies[system] = process.ask(do="prepare", problem=name, size=size, reference=reference)
    timed = [system for system, reply in replies.items() if "note" not in reply]
    rounds = {system: _rounds(replies[system]["call_s"], settings) for system in timed}
    clocks = [_clock(systems[s], replies[s]["call_s"], rounds[s], settings["block_s"]) for s in timed]
    samples = dict(zip(timed, interleaved(clocks, settings["rounds"]).T, strict=True))
    case = _about(name, size)
    return [_row(case, system, replies[system], samples) for system in systems]


def _rounds(call_s: float, settings: dict) -> int:
    """What is slow sits out the later rounds: three are enough for it, and one for what takes seconds."""
    share = settings["case_s"] / len(settings["systems"])
    least = 3 if call_s < 1.0 else 1
    return max(least, min(settings["rounds"], int(share / max(2 * call_s, settings["block_s"]))))


def _clock(system: System, call_s: float, rounds: int, block_s: float) -> Callable[[], float]:
    calls = max(1, round(block_s / max(call_s, 1e-7)))
    left = [rounds]

    def clock() -> float:
        left[0] -= 1
        return system.ask(do="time", calls=calls).get("seconds", math.nan) if left[0] >= 0 else math.nan

    return clock


def _about(name: str, size: int) -> dict:
    problem = problems.load(name)
    arguments = problem.arguments(**problem.SIZES[size])
    parameters = sum(np.size(arguments[i]) for i in problem.ARGNUMS)
    return {"problem": problem.TITLE, "size": problems.describe(problem.SIZES[size]), "parameters": parameters}


def _row(case: dict, system: str, reply: dict, samples: dict[str, np.ndarray]) -> Row:
    if "note" in reply:
        return Row(GRADIENTS, **case, system=system, note=reply["note"])
    return Row(
        GRADIENTS, **case, system=system, first_s=reply["first_s"], **_times(system, samples), import_s=reply["import_s"],
        peak_bytes=reply["peak_bytes"], held_bytes=reply.get("held_bytes", math.nan),
    )  # fmt: skip


def _times(system: str, samples: dict[str, np.ndarray]) -> dict:
    """The columns of a row that come of seconds, round by round."""
    times, values = samples[system], {}
    for names, against in (("passes", "plain"), ("by_hand", "by_hand"), ("ours", "ours")):
        ratios = times / samples[against] if against in samples else np.array([math.nan])
        values |= _spread(names, ratios)
    seconds = dict(zip(("median_s", "q25_s", "q75_s"), quartiles(_kept(times)), strict=True))
    return {**seconds, **values, "rounds": _kept(times).size}


def _spread(name: str, ratios: np.ndarray) -> dict[str, float]:
    return dict(zip((name, f"{name}_q25", f"{name}_q75"), quartiles(_kept(ratios)), strict=True))


def _kept(samples: np.ndarray) -> np.ndarray:
    kept = samples[~np.isnan(samples)]
    return kept if kept.size else np.array([math.nan])


def tiny_calls(settings: dict) -> list[Row]:
    """What a call costs where there is next to nothing to compute."""
    process = System("ours")
    try:
        # Many short rounds: it is about nanoseconds, and a round takes but a moment.
        reply = process.ask(do="tiny", rounds=5 * settings["rounds"], block_s=settings["block_s"] / 5)
    finally:
        process.close()
    if "note" in reply:
        return [Row(OUTSIDE, "tiny functions", "", 0, "ours", note=reply["note"])]
    rows = []
    for case in reply["cases"]:
        samples = {system: np.array(seconds) for system, seconds in case.pop("seconds").items()}
        study = INSIDE if case.pop("inside") else OUTSIDE
        rows += [Row(study, **case, system=system, **_times(system, samples)) for system in samples]
    return rows


def first_derivatives(name: str, starts: int) -> list[Row]:
    """Seconds from the start of a system's import to its first derivative, in fresh processes, at the smallest size.

    The forward pass, too: what Numba needs to compile, or to load, the function alone is what ours is held against.
    """
    rows = []
    for system, cache in CACHES.items():
        with tempfile.TemporaryDirectory() as folder:
            # JAX keeps only what took it a second, unless it is told to.
            more = {cache: folder, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
            cold = [_start(system, name, {} if i else more) for i in range(starts)]  # the first fills the cache
            cached = [_start(system, name, more) for _ in range(starts)]
        rows += [_start_row(study, name, system, replies) for study, replies in ((COLD, cold), (CACHED, cached))]
    return rows


def _start(system: str, name: str, more: dict[str, str]) -> dict:
    process = System(system, **more)
    try:
        return process.ask(do="prepare", problem=name, size=0, reference="")
    finally:
        process.close()


def _start_row(study: str, name: str, system: str, replies: list[dict]) -> Row:
    case = _about(name, 0)
    if note := next((reply["note"] for reply in replies if "note" in reply), ""):
        return Row(study, **case, system=system, note=note)
    totals = np.array([reply["import_s"] + reply["first_s"] for reply in replies])
    parts = {part: statistics.median(reply[part] for reply in replies) for part in ("first_s", "import_s")}
    seconds = dict(zip(("median_s", "q25_s", "q75_s"), quartiles(totals), strict=True))
    return Row(study, **case, system=system, **parts, **seconds, rounds=len(replies))
