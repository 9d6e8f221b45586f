"""What a recorded tape says of a function: its graph, its local Jacobians, and the paths from a parameter to the result.

Nodes are the tape's entries. The article's nodes are coarser: a node is what the source gives a name to (z1, not the t1 and t2
inside), so a graph can be contracted to those.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from experiments.pictures import GREY, PRIMAL, Box
from toolkit.record import Entry, Tape


def shape(node: Entry) -> str:
    """10×5; 1 of a number."""
    return "×".join(map(str, np.shape(node.value))) or "1"


def named(node: Entry) -> bool:
    """Has the source a name for it? Of what stands inside an expression, the tape makes up names."""
    return node.index < 0 or getattr(getattr(node.step, "out", None), "hint", "t") != "t"


def edges(tape: Tape) -> list[tuple[Entry, Entry]]:
    """(what is read, what reads it). Where an array has been written to since, what is read is what wrote last."""
    wrote, found = {}, []
    for e in tape.entries:
        read = [a for a in e.args if isinstance(a, Entry)]
        if not hasattr(e.step, "out"):  # a store leaves the rest of its array as it was
            read.append(next(a for a in (*tape.params, *tape.entries) if a.home == e.home))
        for a in read:
            last = wrote.get(a.home, a)
            found.append((last if last.index > a.index else a, e))
        if not hasattr(e.step, "out"):
            wrote[e.home] = e
    return list(dict.fromkeys(found))


def boxes(tape: Tape) -> dict[Entry, Box]:
    """Each entry as a box: its name, what made it, its shape."""
    of_entry = lambda e: Box(f"{e.text.replace(' = ', chr(10) + '= ', 1)}\n{shape(e)}", PRIMAL)
    return {e: Box(f"{e.name}\n{shape(e)}", GREY) for e in tape.params} | {e: of_entry(e) for e in tape.entries}


def local_jacobian(tape: Tape, child: Entry, parent: Entry) -> np.ndarray:
    """∂child/∂parent, a row for each number of the child: its pullback of unit cotangents. The tape's cotangents are lost."""
    if child.home == parent.home:  # a view: the child's numbers are some of the parent's
        tape.shadows = {}
        places = [tape.shadow(e)[1].ravel() for e in (child, parent)]
        return (places[0][:, None] == places[1]).astype(float)
    rows = []
    for unit in np.eye(np.size(child.value)):
        tape.shadows, child.bar = {}, unit.reshape(np.shape(child.value))[()]
        tape.undo(child)
        bar = tape.bar(parent)
        rows.append(np.zeros(np.size(parent.value)) if bar is None else np.ravel(bar))
    return np.array(rows)


@dataclass(frozen=True)
class Path:
    """A way from a parameter to the result: its nodes, in that order."""

    nodes: tuple[Entry, ...]

    @property
    def factors(self) -> list[tuple[Entry, Entry]]:
        """(child, parent), from the result on, as the chain rule is written."""
        return list(zip(self.nodes[:0:-1], self.nodes[-2::-1]))

    def __str__(self) -> str:
        return " · ".join(map(factor, self.factors))


def factor(pair: tuple[Entry, Entry]) -> str:
    return f"∂{pair[0].name}/∂{pair[1].name}"


class Contracted:
    """The graph of a tape's named nodes; an edge stands for all ways between two of them that meet no third."""

    def __init__(self, tape: Tape):
        self.tape, self.result = tape, tape.result
        self.children = {}
        for a, b in edges(tape):
            self.children.setdefault(a, []).append(b)
        self.jacobian = functools.cache(self.jacobian)

    def named_children(self, node: Entry) -> list[Entry]:
        """The named nodes that read it, at once or through what has no name."""
        found, stack = {}, list(reversed(self.children.get(node, [])))
        while stack:
            child = stack.pop()
            if named(child):
                found[child] = None
            else:
                stack += reversed(self.children.get(child, []))
        return list(found)

    def paths(self, parameter: Entry) -> Iterator[Path]:
        """Every path from a parameter to the result."""

        def onward(nodes: tuple) -> Iterator[Path]:
            if nodes[-1] is self.result:
                yield Path(nodes)
            for child in self.named_children(nodes[-1]):
                yield from onward((*nodes, child))

        yield from onward((parameter,))

    def jacobian(self, child: Entry, parent: Entry) -> np.ndarray:
        """∂child/∂parent between named nodes: over what has no name, the chain rule."""
        total = np.zeros((np.size(child.value), np.size(parent.value)))
        for nearer in self.children.get(parent, []):
            if nearer is child:
                total += local_jacobian(self.tape, child, parent)
            elif not named(nearer) and self.leads(nearer, child):
                total += self.jacobian(child, nearer) @ local_jacobian(self.tape, nearer, parent)
        return total

    def leads(self, node: Entry, target: Entry) -> bool:
        """Is there a way from an unnamed node to a named one that meets no other?"""
        return any(c is target or (not named(c) and self.leads(c, target)) for c in self.children.get(node, []))

    def product(self, path: Path) -> np.ndarray:
        """The product of a path's local derivatives, from the result on: never more than a row at a time."""
        return functools.reduce(np.matmul, (self.jacobian(*pair) for pair in path.factors))
