"""`python -m tests.fuzz --programs N --seed S`: N random programs through the laws.

Each is differentiated in forward and in reverse mode (as Python runs the emitted code), recorded step by step, and held against
differences of fourth order; one in fifty is also compiled. Printed are how many were right, refused, and set aside (at a kink of
theirs, differences say nothing). The first that is wrong is shrunk to a smallest one, printed, and ends the run with status 1.
"""
import argparse
import sys
import time
import warnings
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from hypothesis import HealthCheck, Phase, given, seed, settings
from laws import check
from programs import programs
from test_generated import recorded, tame

from toolkit import Refusal


def judged(p, compile):
    """What becomes of a program: right, refused, or set aside. Raises where a law is broken."""
    if not tame(p):
        return "set aside"
    try:
        check(p.fn, p.args, p.argnums, compile=False)
        recorded(p)
        if compile:
            check(p.fn, p.args, p.argnums)
    except (Refusal, ValueError) as e:
        if not isinstance(e, Refusal) and "an operation in place reads" not in str(e):
            raise
        print(f"refused: {e}")
        return "refused"
    return "right"


def fuzz(n, start):
    """Judge n programs; how many became what."""
    counts, began = Counter(), time.perf_counter()

    @seed(start)
    @settings(max_examples=n, database=None, deadline=None, suppress_health_check=list(HealthCheck),
              report_multiple_bugs=False, phases=(Phase.generate, Phase.shrink))
    @given(programs())
    def one(p):
        done = sum(counts.values())
        counts[judged(p, compile=done % 50 == 49)] += 1
        if done % 500 == 499:
            print(f"{done + 1}: {dict(counts)}, {time.perf_counter() - began:.0f} s", flush=True)

    one()
    return counts


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    given_ = parser.parse_args()
    warnings.simplefilter("ignore")
    counts = fuzz(given_.programs, given_.seed)
    told = ", ".join(f"{counts[kind]} {kind}" for kind in ("right", "refused", "set aside"))
    print(f"{sum(counts.values())} programs: {told}, 0 wrong")


if __name__ == "__main__":
    main()
