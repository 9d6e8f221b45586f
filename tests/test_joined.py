"""Tapes that grow are one where a loop fills them together."""
import re

import numpy as np
import pytest
from laws import check

from toolkit import source, value_and_grad

V = np.linspace(-0.7, 0.9, 4)


def until_small(v):
    a, b, s = v * 1.0, np.exp(v), 1.0
    while s > 0.05:
        a = np.sin(a) * b
        b = np.tanh(b + a)
        s *= 0.6 + 0.1 * np.tanh(np.sum(a * b))
    return np.sum(a * b) * s


def of_two_ranks(v):
    m, a, s = np.outer(v, v), v * 1.0, 1.0
    while s > 0.1:
        a = np.sin(a) * m[0]
        m = np.tanh(m) * a
        s *= 0.5
    return np.sum(m) + np.sum(a)


def in_a_branch(v):
    a, b, s = v * 1.0, np.exp(v), 1.0
    while s > 0.05:
        if s < 0.4:
            a = np.sin(a) * b
            b = np.tanh(b * a)
        s *= 0.6 + 0.1 * np.tanh(np.sum(a * b))
    return np.sum(a * b) * s


def in_two_branches(v):
    a, b, s = v * 1.0, np.exp(v), 1.0
    while s > 0.05:
        if s < 0.4:
            a = np.sin(a) * b
        else:
            b = np.tanh(b * a)
        s *= 0.6 + 0.1 * np.tanh(np.sum(a * b))
    return np.sum(a * b) * s


def one_after_the_other(v):
    a, s = v * 1.0, 1.0
    while s > 0.25:
        a = np.sin(a) * np.cos(a)
        s *= 0.6 + 0.1 * a[0]
    while s > 0.07:
        a = np.cos(a) * np.tanh(a)
        s *= 0.6 + 0.1 * a[1]
    return np.sum(a) * s


def in_turn(v):
    """A loop that fills some tapes itself and others in a loop of its own."""
    a, s = v * 1.0, 1.0
    while s > 0.1:
        a = np.sin(a) * np.exp(a)
        t = s
        while t > 0.3:
            a = np.tanh(a) * np.cos(a)
            t *= 0.5 + 0.1 * np.tanh(a[0])
        s *= 0.5 + 0.1 * np.tanh(np.sum(a) * t)
    return np.sum(a) * s


def in_loops_of_known_length(v):
    """Room is made for a loop's values at once, of each tape."""
    s, t, u = 1.0, 0.5, 0.3
    while s > 0.1:
        for k in range(4 * v.size):
            t = np.sin(t * v[k % 4]) + u * t
            u = np.cos(t * u) * s
        s *= 0.5 + 0.1 * np.tanh(t * u)
    return s * t * u


PROGRAMS = [until_small, of_two_ranks, in_a_branch, in_two_branches, one_after_the_other, in_turn, in_loops_of_known_length]


@pytest.mark.parametrize("fn", PROGRAMS)
def test_derivatives_hold_to_the_laws(fn):
    check(fn, (V,), (0,))
    check(fn, (V,), (0,), compile=False, order=2)


@pytest.mark.parametrize(("fn", "lists", "stacks"), [(until_small, 1, 1), (of_two_ranks, 2, 0), (one_after_the_other, 2, 2)])
def test_tapes_of_one_type_are_one_for_each_loop(fn, lists, stacks):
    text = source(value_and_grad(fn), V)
    assert len(re.findall(r"_tape\d* = \[\]", text)) == lists, text
    assert len(re.findall(r"_tape\w* = np\.empty\(0\)", text)) == stacks, text
