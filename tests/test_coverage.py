"""The table of what is differentiated says the truth: a probe of every row is run, as Python runs the emitted code."""
import math
import re
from pathlib import Path

import numpy as np
import pytest

from tests.laws import check, flat, floats, fresh, like
from toolkit import Refusal, host, jvp
from toolkit.build import load
from toolkit.coverage import BOTH, NONE, REFUSED, SAMPLES, Row, markdown, release, rows
from toolkit.lower import FILLS
from toolkit.rewrites import REWRITES

ROWS = rows()
VARIANTS = (                                            # arguments that the probes leave out
    "np.cov(a, None, False)", "np.cov(a, ddof=0)", "np.cov(a, bias=True)", "np.corrcoef(a, rowvar=False)",
    "np.nanvar(a, ddof=1)", "np.nanstd(a, ddof=2)", "np.ediff1d(a, x, u)", "np.trapezoid(x, dx=u)", "np.trapezoid(a, y)",
    "np.clip(x, None, 0.5)", "np.clip(x, a_min=0.3, a_max=None)", "np.nan_to_num(x, nan=u)", "np.unwrap(9.0 * x, period=3.0)",
    "np.take(a, 1, 0)", "np.take_along_axis(a, np.array([5, 0, 5]), None)", "np.insert(x, np.array([1, 0, 1]), y[:3])",
    "np.partition(a, -2)", "np.trim_zeros(x, 'b')", "np.setdiff1d(x, y, True)", "np.histogram(x, 3, (u - 0.5, v))",
    "np.histogram(x, (0.0, u, v))", "np.quantile(x, (0.3, 0.7))", "np.linalg.qr(a)", "np.linalg.lstsq(a, x[:3])",
    "np.linalg.lstsq(s[:, :2].copy(), a)", "np.asfortranarray(a[:, ::2])", "np.broadcast_arrays(a, x)[1] * a",
    "x[np.nonzero(x > 0.3)[0]]", "np.cumsum(a, 1)", "np.full_like(a, u)")
PAGE = Path(__file__).parents[1] / "docs" / "coverage.md"


def program(row):
    """The probe as a function of the samples that it names, and those; beside a probe without derivative stands one that has."""
    names = [n for n in SAMPLES if re.search(rf"\b{n}\b", row.probe)]
    names = names if any(floats(SAMPLES[n]) for n in names) else [*names, "u"]
    active = tuple(k for k, n in enumerate(names) if floats(SAMPLES[n]))
    result = f"{row.probe}, 2.0 * {names[active[0]]}" if row.what == NONE else row.probe
    body = result.replace("\n", "\n    ") if "return" in result else f"return {result}"
    fn = load(f"def probe({', '.join(names)}):\n    {body}\n", {"np": np, "math": math}, "probe")
    return fn, tuple(SAMPLES[n] for n in names), active


def of_kind(kind):
    """The rows of one kind, as parameters of a test."""
    return pytest.mark.parametrize("row", [r for r in ROWS if r.what == kind], ids=lambda r: r.name)


@of_kind(BOTH)
def test_both_modes(row):
    fn, args, active = program(row)
    check(fn, args, active, compile=False)


@pytest.mark.parametrize("probe", VARIANTS)
def test_variants(probe):
    fn, args, active = program(Row(probe, BOTH, "", probe))
    check(fn, args, active, compile=False)


@of_kind(NONE)
def test_no_derivative(row):
    fn, args, active = program(row)
    check(fn, args, active, compile=False)
    dots = like(tuple(args[k] for k in active), np.random.default_rng(0))
    made = jvp(fn, active).py_func(fresh(args), dots)[1][:-1]
    assert not any(np.any(t) for t in flat(made) if floats(t)), f"{row.name} has a tangent"


@of_kind(REFUSED)
def test_refused(row):
    fn, args, active = program(row)
    with pytest.raises(Refusal) as refusal:
        jvp(fn, active).py_func(fresh(args), tuple(args[k] for k in active))
    assert refusal.value.place is not None
    assert row.note, f"{row.name} is refused without a reason"


def test_page_is_current():
    text = PAGE.read_text()
    if release() not in text:
        pytest.skip(f"the page is not of {release()}")
    assert text == markdown(), "python -m toolkit.catalogue > docs/coverage.md"


def test_what_can_write_to_an_array_is_known_to():
    """A function with a parameter `out` that is not in FILLS would be taken for one that only returns."""
    writers = {fn for fn in host.functions().values() if "out" in host.parameters(fn)}
    assert {np.round, np.dot, np.clip} <= writers
    assert writers <= {*FILLS, *REWRITES}
