"""Even lengths: what a program's array code takes for granted of the lengths of its arguments is required at its entry.

Where `x + y` is computed, x and y have the same shape, or one of them is broadcast when it runs: from an axis of length 1, which
nothing in the program says. Derivatives are made for the first case, which `tape.even` requires; where it raises, the derivative
that is made for either case is called (see transform.py). Required are equations of lengths, and that slices lie in their
arrays, of what is known when the function is entered: lengths of its arguments, and integers among them.
"""
from dataclasses import replace

from . import infer, tape
from .builder import Builder
from .program import Const, Do, Get, Let, Set, Span, Var, binds, variables, walk
from .shapes import PRODUCTS, SOLVERS, Shapes, plus, spelled

ROUNDS = 100                # what is required may say more of other lengths


def evened(program):
    """The program that requires first what its lengths are taken to be."""
    given, required = set(variables(*(p for _, p in program.params))), []
    for _ in range(ROUNDS):
        made = replace(program, body=[*required, *program.body])
        shapes = Shapes(made, hopeful=True)
        found = next(wanted(made, shapes, given), None)
        if found is None:
            return made
        fn, lesser, larger = found
        b = Builder()
        b.add(Do(fn, (shapes.summed(b, lesser), shapes.summed(b, larger))))
        required += b.block
    return made


def wanted(program, shapes, given):
    """Yield what may be required: (how, a form, another)."""
    for s in walk(program.body):
        for axis in (axis for v in binds(s) if infer.is_array(v) for axis in shapes.of(v) if len(axis) > 1):
            yield from equal(shapes, axis, given)
        if isinstance(s, Let) and s.fn in PRODUCTS and all(map(infer.rank_of, s.args)):
            yield from equal(shapes, shapes.of(s.args[0])[-1] | shapes.of(s.args[1])[-2:][0], given)
        if isinstance(s, Let) and s.fn in SOLVERS:
            yield from equal(shapes, frozenset().union(*shapes.of(s.args[0]), shapes.of(s.args[1])[0]), given)
        if isinstance(s, Set) and infer.is_array(s.value) and (target := shapes.of_part(s.arr, s.index)) is not None:
            value = shapes.of(s.value)
            for mine, other in zip(value, target[len(target) - len(value):]):
                yield from equal(shapes, mine | other, given)
        if isinstance(s, Get | Set) and infer.is_array(s.arr):
            yield from within(shapes, s, given)
    for first, second, names in shapes.joins:
        if names[0] in shapes.alike:
            for mine, other in zip(shapes.of(first), shapes.of(second)):
                yield from equal(shapes, mine | other, given)


def equal(shapes, axis, given):
    """Yield that two of the lengths that meet in an axis are equal, if they are there at the entry."""
    first, *more = sorted((n for n in axis if there(n, given)), key=shapes.rank) or [None]
    for n in more:
        first, n = uncut(first, n)
        difference = plus(shapes.form(first), shapes.form(n), -1)
        if any(m != 1 and abs(factor) == 1 for m, factor in difference.items()):
            yield tape.even, shapes.form(first), shapes.form(n)


def uncut(first, second):
    """Of two arrays from which the same is left out, the lengths of these."""
    match first, second:
        case ("cut", n, k), ("cut", m, other) if k == other:
            return uncut(n, m)
    return first, second


def within(shapes, s, given):
    """Yield that the ends of a slice lie in its array, in their order."""
    if infer.gathers(s.index):
        return
    left = list(shapes.of(s.arr))
    for i in spelled(s.index, len(left)):
        if i == Const(None):
            continue
        axis = left.pop(0)
        if isinstance(i, Span) and shapes.cut(axis, i) is None:
            _, *more = shapes.ends(axis, i)
            for form in more:
                if not shapes.least(form) and set(form) - {1} and all(n == 1 or there(n, given) for n in form):
                    lesser = {n: -factor for n, factor in form.items() if factor < 0}
                    yield tape.least, lesser, plus(form, lesser)


def there(length, given):
    """Is a length known when the function is entered?"""
    match length:
        case int():
            return True
        case Var():
            return length in given
        case ("dim", v, _):
            return v in given
        case ("cut", n, _):
            return there(n, given)
        case ("form", items):
            return all(n == 1 or there(n, given) for n, _ in items)
    return False

