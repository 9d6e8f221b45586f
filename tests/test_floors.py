"""A module imports only from strictly lower floors (the order in which data flows)."""
import ast
import re
from pathlib import Path

import pytest

import toolkit

FLOORS = [
    ["errors", "domain", "host", "tape", "elementary", "bills", "losses"],
    ["runtime", "matrices", "syntax", "cache", "sequences", "blas", "calling"],
    ["program", "primitive", "layers", "triangular", "origins"],
    ["infer", "catalogue", "names"],
    ["builder"],
    ["rewrites"],
    ["lower"],
    ["linear", "activity", "shapes"],
    ["lists", "members", "checkpoints", "dependence", "masks", "lanes", "scalars", "direct", "even",
     "factors", "reuse", "shared"],
    ["uses"],
    ["normal", "products", "residuals", "iteration", "twins", "winners", "outers", "zeros"],
    ["loops"],
    ["branches", "parse", "forward", "reverse", "nests", "registers"],
    ["loop_order", "gathers", "vectors", "jacobians", "remade"],
    ["places", "pieces", "relays", "workspaces"],
    ["fusion", "threads", "work", "trails", "joined"],
    ["strips"],
    ["emit", "ahead"],
    ["build"],
    ["transform", "optim"],
    ["check", "record", "dual", "cost"],
    ["custom", "coverage", "conventions", "modules"],
    ["points"],
    ["__init__", "__main__"],
]
FLOOR = {name: k for k, names in enumerate(FLOORS) for name in names}
HOME = Path(toolkit.__file__).parent
# The two modes' own names (`toolkit.forward.jvp`) are looked up when they are asked for, through `__getattr__`.
LATE = {("forward", "transform"), ("reverse", "transform")}


@pytest.mark.parametrize("path", sorted(HOME.glob("*.py")), ids=lambda p: p.stem)
def test_imports_go_down(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            for name in [node.module.split(".")[0]] if node.module else [a.name for a in node.names]:
                if (path.stem, name) not in LATE:
                    assert FLOOR[name] < FLOOR[path.stem], f"{path.stem} imports {name}"


def test_every_module_has_a_floor():
    assert {p.stem for p in HOME.glob("*.py")} <= set(FLOOR)


def test_private_numba_interfaces_stand_in_one_module():
    private = {p.stem for p in HOME.rglob("*.py") if re.search(r"\bnumba\.(core|np|cpython)\b", p.read_text())}
    assert private == {"host"}
