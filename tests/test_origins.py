"""What a derivative is made of, as a text: the same in each process, another one wherever a derivation could come to something
else, and none where that cannot be told."""
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import toolkit
from toolkit import grad, hvp, jacobian, value_and_grad
from toolkit.origins import origin

HOME = Path(toolkit.__file__).parents[1]
HELPER = """
from numba import njit

FACTOR = 3.0
OFFSET = 1.0

def helped(x):
    return FACTOR * x
"""
MODULE = """
import math
import numpy as np
import helper
from helper import helped
from numba import njit
from toolkit import elementary, grad

SCALE = 2.0
TABLE = np.array([1.0, 2.0])
PAIR = (1, 2.5)
NAMES = [1.0, 2.0]

@njit(fastmath=False)
def squared(x):
    return x * x

def even(n, x):
    return x if n == 0 else odd(n - 1, x)

def odd(n, x):
    return 0.0 * x if n == 0 else even(n - 1, x)

def made(c):
    def inside(x):
        return c * math.sin(x)
    return inside

inner = made(0.5)
slope = grad(squared)
half = lambda x, by=2.0: x / by

def f(x, y=1.5):
    again = lambda z: z + TABLE[1] + PAIR[1] + sum([n for n in NAMES])
    return SCALE * squared(x) + inner(x) + even(4, x) + helper.OFFSET * again(helped(x)) + slope(x) + half(x) + y
"""
CHANGES = [("return x * x", "return x * x * x"), ("0.0 * x if", "1.0 * x if"), ("math.sin(x)", "math.cos(x)"),
           ("z + TABLE", "z - TABLE"), ("return FACTOR * x", "return FACTOR + x"), ("SCALE = 2.0", "SCALE = 2.0\n"),
           ("(1, 2.5)", "(1, 2.5)  # two")]
VALUES = {                              # of the same text
    "a number": lambda m: setattr(m, "SCALE", 2),
    "an array": lambda m: m.TABLE.__setitem__(1, -2.0),
    "a tuple": lambda m: setattr(m, "PAIR", (1, 2.25)),
    "a list": lambda m: m.NAMES.append(3.0),
    "a callee": lambda m: setattr(m, "squared", m.half),
    "options": lambda m: setattr(m, "squared", m.njit(fastmath=True)(m.squared.py_func)),
    "a cell": lambda m: setattr(m, "inner", m.made(0.25)),
    "a derivative": lambda m: setattr(m, "slope", grad(m.squared, has_aux=True)),
    "a callee's default": lambda m: setattr(m.half, "__defaults__", (4.0,)),
    "a default": lambda m: setattr(m.f, "__defaults__", (2.5,)),
    "of a module": lambda m: setattr(m.helper, "OFFSET", 5.0),
    "a module": lambda m: setattr(m, "helper", m),
    "of a recursion": lambda m: setattr(m, "odd", lambda n, x: 1.0 * x if n == 0 else m.even(n - 1, x)),
    "what hides a builtin": lambda m: setattr(m, "sum", m.half)}


def loaded(folder, name, text):
    """A module of this text, as a process finds it that starts now."""
    path = folder / f"{name}.py"
    path.write_text(text)
    importlib.invalidate_caches()
    spec = importlib.util.spec_from_file_location(name, path)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    exec(compile(text, str(path), "exec"), vars(module))
    return module


def program(folder, *change):
    """The function f of the module, where some text is another."""
    changed = lambda text: text.replace(*change) if change else text
    importlib.import_module("linecache").clearcache()
    loaded(folder, "helper", changed(HELPER))
    return loaded(folder, "program", changed(MODULE)).f


@pytest.fixture(autouse=True)
def modules(monkeypatch):
    for name in ("helper", "program"):
        monkeypatch.setitem(sys.modules, name, None)


def test_it_is_the_same_of_the_same(tmp_path):
    first, second = (origin(grad(program(tmp_path))) for _ in range(2))
    assert first == second is not None
    assert len(first) == 64


@pytest.mark.parametrize("what", VALUES)
def test_it_is_another_one_where_a_value_is(tmp_path, what):
    f = program(tmp_path)
    told = origin(grad(f))
    VALUES[what](sys.modules["program"])
    assert origin(grad(f)) not in (told, None)


@pytest.mark.parametrize("change", CHANGES, ids=lambda c: f"{c[0]} -> {c[1]}".replace("\n", "+"))
def test_it_is_another_one_where_the_text_is(tmp_path, change):
    assert change[0] in MODULE + HELPER
    told = origin(grad(program(tmp_path)))
    changed = origin(grad(program(tmp_path, *change)))
    assert told is not None
    assert changed not in (told, None)


def test_it_is_another_one_of_each_derivative(tmp_path, monkeypatch):
    f = program(tmp_path)
    made = [grad(f), grad(f, 1), grad(f, (0,)), grad(f, has_aux=True), value_and_grad(f), value_and_grad(f, checkpoints=4096),
            hvp(f), jacobian(f), jacobian(f, mode="reverse"), grad(grad(f))]
    told = [origin((g, even)) for g in made for even in (False, True)]
    monkeypatch.setenv("DUALTAPE_ELEMENTARY", "off")
    told.append(origin((made[0], True)))
    assert None not in told
    assert len(set(told)) == len(told)


@pytest.mark.parametrize("change", [
    ("SCALE = 2.0", "class Holder:\n    value = 2.0\nSCALE = Holder()"), ("SCALE = 2.0", "SCALE = {'a': 2.0}"),
    ("def helped", "from toolkit import custom\n@custom\ndef helped"), ("FACTOR = 3.0", "def __getattr__(name):\n    return 3.0"),
    ("PAIR = (1, 2.5)", "PAIR = (1, object())"), ("made(0.5)", "made(object())"), ("by=2.0", "by=object()")])
def test_there_is_none_where_it_cannot_be_told(tmp_path, change):
    assert origin(program(tmp_path, *change)) is None


def test_there_is_none_of_what_has_no_file():
    space = {}
    exec("def f(x):\n    return x\n", space)
    assert origin(space["f"]) is None


# ---- between processes
SCRIPT = """
import json
import numpy as np
import toolkit.transform
from toolkit import value_and_grad
import helper

SCALE = {scale}

def f(x):
    return np.sum(SCALE * helper.helped(x) * x)

derived = []
final = toolkit.transform.Transform.final
toolkit.transform.Transform.final = lambda self, *more, **kw: derived.append(1) or final(self, *more, **kw)
g = value_and_grad(f)
value, bar = g(np.ones(2))
print(json.dumps([value, bar.tolist(), len(derived), sum(g.entry.stats.cache_hits.values())]))
"""


def run(folder, scale="2.0", factor="3.0"):
    (folder / "helper.py").write_text(HELPER.replace("3.0", factor))
    (folder / "script.py").write_text(SCRIPT.format(scale=scale))
    env = {**os.environ, "PYTHONPATH": str(HOME), "PYTHONDONTWRITEBYTECODE": "1", "DUALTAPE_CACHE_DIR": str(folder / "cache")}
    return json.loads(subprocess.run([sys.executable, folder / "script.py"], env=env, capture_output=True, check=True).stdout)


def test_the_next_process_derives_nothing(tmp_path):
    assert run(tmp_path) == [12.0, [12.0, 12.0], 1, 0]
    assert run(tmp_path) == [12.0, [12.0, 12.0], 0, 1]
    assert run(tmp_path, scale="5.0") == [30.0, [30.0, 30.0], 1, 0]
    assert run(tmp_path, factor="4.0") == [16.0, [16.0, 16.0], 1, 0]
    assert run(tmp_path, scale="2 + 0.0") == [12.0, [12.0, 12.0], 1, 1]         # derived anew, to what is there already
    for path in (tmp_path / "cache").iterdir():                                 # a name of what is there no more
        if path.stat().st_size > 100:
            path.unlink()
    assert run(tmp_path) == [12.0, [12.0, 12.0], 1, 0]
