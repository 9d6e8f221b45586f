"""The arithmetic of `experiments/scaling.py`: slopes and constants of made-up times, and what the rates are measured on."""
import numpy as np
import pytest
from scipy import stats

from experiments import kernels, problems, scaling

RNG = np.random.default_rng(0)


def group(name, forward, constant, power, noise=0.0):
    """Cases of a program whose gradient takes constant * forward**power, give or take."""
    return [scaling.Case(name, f"n={k}", 1, t, float(constant * t**power * np.exp(noise * RNG.standard_normal())),
                         1e-6, 2e-6, 1.0, 3.0, 8.0, 0.0, "", 3) for k, t in enumerate(forward)]


SMALL, LARGE = np.logspace(-6, -3, 6), np.logspace(-3, 0, 6)


def test_programs_of_different_constants_do_not_tilt_the_slope():
    """One line through all would say 1.2: the dearer program was run at the greater sizes."""
    groups = [group("cheap", SMALL, 1.0, 1.0), group("dear", LARGE, 4.0, 1.0)]
    found, margin = scaling.slope(groups)
    assert found == pytest.approx(1.0, abs=1e-12)
    assert margin < 1e-12
    cases = [c for g in groups for c in g]
    pooled = stats.linregress(np.log([c.forward_s for c in cases]), np.log([c.gradient_s for c in cases])).slope
    assert pooled > 1.1


def test_what_grows_faster_is_seen():
    found, margin = scaling.slope([group("a", SMALL, 2.0, 1.1, 0.01), group("b", LARGE, 3.0, 1.1, 0.01)])
    assert found - margin > 1.05
    assert abs(found - 1.1) < 0.02


def test_of_one_program_it_is_the_usual_regression():
    cases = group("a", SMALL, 2.0, 1.0, 0.1)
    line = stats.linregress(np.log([c.forward_s for c in cases]), np.log([c.gradient_s for c in cases]))
    found, margin = scaling.slope([cases])
    assert found == pytest.approx(line.slope)
    assert margin == pytest.approx(stats.t.ppf(0.975, len(cases) - 2) * line.stderr)


def test_constants_are_geometric_means():
    measured, foretold, flops = scaling.constants(group("a", SMALL, 2.5, 1.0))
    assert (measured, foretold, flops) == pytest.approx((2.5, 2.0, 3.0))


def test_the_finding_and_the_picture_are_made_of_the_rows(tmp_path):
    rows = group("cheap", SMALL, 1.0, 1.0, 0.01) + group("dear", LARGE, 4.0, 1.0, 0.01)
    assert scaling.finding(rows).startswith("Over 6.0 decades and 2 programs")
    assert [table.row_count for table in scaling.tables(rows)] == [14]
    scaling.draw(rows, tmp_path / "scaling.png")
    assert (tmp_path / "scaling.png").stat().st_size > 10_000


def test_rates_are_measured_on_other_programs_than_those_that_they_foretell():
    assert set(scaling.SIZES) <= set(problems.names())
    assert not {f.__module__ for f in kernels.ALL} & {problems.load(name).loss.__module__ for name in scaling.SIZES}


def test_rates_are_seconds():
    """Of one kernel alone: a time that a machine may take, of rates of which none is negative."""
    rates = scaling.calibrated((kernels.inner_product,))
    assert min(rates.values()) >= 0.0
    arguments = kernels.arguments(2400)
    foretold = scaling.amounts(scaling.cost(kernels.inner_product, *arguments)) @ np.array(list(rates.values()))
    assert 1e-8 < foretold < 1e-3
