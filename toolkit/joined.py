"""Joined: tapes of one type that a loop fills together, and another one empties together, are one tape.

    while ..: .. a.push(x); .. b.push(y)        becomes         while ..: .. a.push(x); .. a.push(y)
    for ..: y = b.pop(); .. x = a.pop()                         for ..: y = a.pop(); x = a.pop(); ..

Program -> Program, the same function. Joined are tapes that grow: each would find room for itself. What holds as many values as
a loop runs is an array of its own, along which loops may be vector code.
"""
from dataclasses import replace

from .places import Tapes
from .program import Const, NewStack, Pop, Push, rebuilt


def joined(program):
    """The program with fewer tapes that grow."""
    tapes = Joined(program)
    return replace(program, body=tapes.block(program.body)) if tapes.one else program


class Joined(Tapes):
    """The tapes of one program that grow."""

    def __init__(self, program):
        super().__init__(program)
        groups = {}                                 # type, and blocks -> stacks
        for stack, uses in self.uses.items():
            if (place := self.place(uses)) is not None:
                groups.setdefault((stack.type, *place), []).append(stack)
        self.one, self.pops = {}, {}                # stack -> that which it becomes, and its pops, in their order
        for group in groups.values():
            if len(group) > 1:
                pushes, pops = ([self.uses[stack][k] for stack in group] for k in (1, 2))
                self.one |= dict.fromkeys(group, group[0])
                last_first = sorted(range(len(group)), key=lambda k: self.at[pushes[k]][0], reverse=True)
                self.pops[group[0]] = [Pop(pops[k].out, group[0]) for k in last_first]

    def place(self, uses):
        """Where a tape that grows is made, filled, once in each iteration, and emptied; None for any other tape."""
        if list(map(type, uses)) != [NewStack, Push, Pop] or uses[0].count != Const(0) or uses[0].shape != Const(None):
            return None
        paths = [self.at[s][1] for s in uses]
        if not all(path and s in getattr(path[-1], "body", ()) for s, path in zip(uses[1:], paths[1:])):
            return None
        return paths

    def block(self, block):
        made, done = [], set()
        for s in block:
            one = self.one.get(getattr(s, "stack", None))
            if one is None:
                made.append(rebuilt(s, self.block))
            elif isinstance(s, Push):
                made.append(Push(one, s.value))
            elif (one, type(s)) not in done:
                done.add((one, type(s)))
                made += self.pops[one] if isinstance(s, Pop) else [replace(s, stack=one)]
        return made
