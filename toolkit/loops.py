"""Loops: what they carry from one iteration to the next is found by lowering their bodies until its types hold.

Statements leave loops through boolean values (`EXITS`), which a loop carries like variables.
"""
import ast
import operator

import numba
from numba import types

from . import infer
from .builder import is_data
from .iteration import Iteration
from .lists import EMPTY, contents, growing, touched
from .lower import ReadBefore
from .program import IF_PROVEN, UNDEFINED, Carry, Const, For, Set, Span, Tup, Var, While, binds, mapped, substituted, walk

CONTINUE, BREAK, RETURN, VALUE = EXITS = "·continue", "·break", "·return", "·value"
BROKE = "·broke"                # was the loop that has just ended left by `break`?


def called(name):
    """What the variables of a name in the environment are called."""
    return name.rpartition("]")[2].strip("·")


def vouched(body):
    """True of the body of a loop with prange, for which its writer vouches; IF_PROVEN where a whole array is stored to in every
    iteration, of which Numba makes one for every thread."""
    made = {v for t in walk(body) for v in binds(t)}
    whole = (t for t in walk(body) if isinstance(t, Set) and t.index == (Const(Ellipsis),) and t.arr not in made)
    return IF_PROVEN if any(whole) else True


def stored(nodes):
    """The names that statements assign."""
    return list(dict.fromkeys(n.id for stmt in nodes for n in ast.walk(stmt)
                              if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)))


class Loops(Iteration):
    """Lowers loops; the statements in them are lowered by `Statements`."""
    guessing = False                # are branches left out that read what has no type yet?

    def s_While(self, node):
        place = self.b.place

        def make(heads):
            self.env |= heads
            test = []
            held = contents(self.env)
            with self.b.into(test):
                cond = self.condition(node.test)
            if touched(held, self.env):
                self.refuse("the condition of this `while` changes a list", "Change it in the body, and test a flag.")
            if any(isinstance(t, Set) for t in walk(test)):
                self.refuse("the condition of this `while` writes to an array", "Write in the body, and test a flag.")
            body = []
            if cond == Const(False):
                return While(test, cond, body)
            with self.b.into(body):
                self.run(node.body)
            return While(test, cond, body, place=place)

        self.loop(make, stored([*node.body, ast.Expr(node.test)]))
        self.loop_else(node)

    def s_For(self, node):
        source, value_at = self.iterated(node.iter)
        looped = [v.value.key for n in ast.walk(node.iter) if isinstance(n, ast.Name) and growing(v := self.env.get(n.id))]
        held = {key: self.env[key] for key in looped}
        if isinstance(source, Tup):
            self.unrolled(node, source.items)
            return self.loop_else(node)
        lo, hi, step = source
        var, place = Var(self.index_name(node.target, node.iter), types.intp), self.b.place
        parallel = isinstance(node.iter, ast.Call) and self.named(node.iter.func) is numba.prange

        def make(heads):
            self.env |= heads
            body = []
            with self.b.into(body):
                self.assign(node.target, value_at(var))
                self.run(node.body)
            return For(var, lo, hi, step, body, place=place, parallel=parallel and vouched(body))

        self.loop(make, stored([*node.body, node.target]))
        if touched(held, self.env):
            self.refuse("a list is changed while it is looped over", "Loop over an array made of it.")
        return self.loop_else(node)

    def loop_else(self, node):
        """What runs after a loop that was not left by `break`."""
        broke = self.env.pop(BROKE)
        if node.orelse:
            gone = self.env.get(RETURN, Const(False))
            left = broke if gone == Const(False) else gone if broke == Const(False) else self.b.let(operator.or_, broke, gone)
            self.fork(left, lambda: None, lambda: self.run(node.orelse), [*stored(node.orelse), *EXITS])

    def index_name(self, target, what):
        is_range = isinstance(what, ast.Call) and isinstance(what.func, ast.Name) and what.func.id in ("range", "prange")
        return target.id if is_range and isinstance(target, ast.Name) else "i"

    def unrolled(self, node, items):
        """A loop over a tuple is written out."""
        self.env[BROKE] = Const(False)
        if not items:
            return
        def go(items):
            self.env[CONTINUE] = Const(False)
            self.at(node)
            self.assign(node.target, items[0])
            self.run(node.body)
            self.env[CONTINUE] = Const(False)
            gone = self.left()
            if gone is True or len(items) == 1:
                return
            if gone is False:
                go(items[1:])
            else:
                self.fork(gone, lambda: None, lambda: go(items[1:]), [*stored([node]), *EXITS])
        saved = self.env.get(BREAK, Const(False)), self.env.get(CONTINUE, Const(False))
        self.env[BREAK] = Const(False)
        go(items)
        self.env[BROKE] = self.env[BREAK]
        self.env[BREAK], self.env[CONTINUE] = saved

    def loop(self, make, names):
        """Lower a loop whose body assigns `names`, again with wider types until the types hold."""
        before, block, place = dict(self.env), self.b.block, self.b.place
        names = [*names, *contents(before)]
        heads = {n: self.head(n, before.get(n, UNDEFINED)) for n in names}
        for _ in range(8):
            scratch = []
            self.env = {**before, CONTINUE: Const(False), BREAK: Const(False)}
            with self.b.into(scratch):
                s = self.attempt(make, heads, before)
            self.b.place = place
            ends = {n: self.env.get(n, UNDEFINED) for n in names}
            wider = {n: self.widen(n, heads[n], ends[n]) for n in names}
            if all(wider[n] is heads[n] for n in names):
                break
            heads = wider
        else:
            self.refuse("the types of this loop's variables do not settle", "Give each variable one type.")
        block.extend(scratch)
        self.close(s, before, heads, ends)

    def attempt(self, make, heads, before):
        """Lower a loop's body. A name that it reads in a later iteration than it assigns it has no type in the first attempt:
        then the branches that read it are left out, once, to see what it becomes."""
        try:
            return make(dict(heads))
        except ReadBefore as e:
            if heads.get(e.name) is not UNDEFINED:
                raise
            self.env = {**before, CONTINUE: Const(False), BREAK: Const(False)}
            saved, self.guessing = self.guessing, True
            try:
                make(dict(heads))
            finally:
                self.guessing = saved
            if self.env.get(e.name, UNDEFINED) is UNDEFINED:
                raise
            return None

    def head(self, name, init):
        """What a variable is at the head of an iteration."""
        def one(a):
            return Var(called(name), infer.type_of(a)) if is_data(a) else a
        if isinstance(init, Tup):
            return init.of(self.head(name, a) for a in init.items)
        return one(init)

    def widen(self, name, head, end):
        """The head, or one of a wider type."""
        if end is head or end is UNDEFINED or end is EMPTY or (head is UNDEFINED and isinstance(end, Span)):
            return head
        if head is UNDEFINED or head is EMPTY:
            return self.head(name, end)
        if isinstance(head, Tup) and head.like(end):
            items = tuple(self.widen(name, h, e) for h, e in zip(head.items, end.items))
            return head if all(a is b for a, b in zip(items, head.items)) else head.of(items)
        if not (is_data(head) and is_data(end)):
            if head == end:
                return head
            self.refuse(f"`{name}` changes its kind in the loop", "Give it one kind of value.")
        t = infer.unified(head.type, infer.type_of(end))
        if t is None:
            self.refuse(f"`{name}` is {head.type} before the loop and {infer.type_of(end)} in it", "Give it one type.")
        return head if t == head.type else Var(name, t)

    def close(self, s, before, heads, ends):
        """Carry what the body changed, and what it decided about leaving."""
        env, same = dict(before), {}

        def carry(head, init, end, hint):
            if isinstance(head, Tup):
                init = self.emptied(head) if init is EMPTY else init
                if end is EMPTY:
                    with self.b.into(s.body):
                        end = self.emptied(head)
                parts = init.items if isinstance(init, Tup) else (UNDEFINED,) * len(head.items)
                return head.of(carry(h, i, e, hint) for h, i, e in zip(head.items, parts, end.items))
            if not isinstance(head, Var):
                return UNDEFINED if isinstance(end, Span) and end is not head else end      # slices stay in their iteration
            if end is head and init is not UNDEFINED:
                same[head] = self.b.cast(init, head.type)
                return same[head]
            init = init if init is UNDEFINED else self.b.cast(init, head.type)
            with self.b.into(s.body):
                end = end if end is UNDEFINED else self.b.cast(end, head.type)
            exit_ = Var(hint, head.type)
            s.carries.append(Carry(head, init, end, exit_))
            return exit_

        for name, head in heads.items():
            env[name] = carry(head, before.get(name, UNDEFINED), ends[name], called(name))
        after = self.env
        flags = [f for f in (after[BREAK], after.get(RETURN, Const(False))) if f != Const(False)]
        with self.b.into(s.body):
            for k, f in enumerate(flags):
                s.brk = f if k == 0 else self.b.let(operator.or_, s.brk, f, hint="leave")
        env[BROKE] = Const(False)
        if after[BREAK] != Const(False):
            env[BROKE] = carry(Var("broke", types.boolean), Const(False), after[BREAK], "broke")
        if after.get(RETURN, Const(False)) != Const(False):
            flag = after[RETURN]
            head = Var("returned", types.boolean)
            env[RETURN] = carry(head, Const(False), flag, "returned")
            value = after[VALUE]
            env[VALUE] = carry(self.head("value", value), UNDEFINED, value, "value")
        self.env = env
        if same:
            use = lambda v: same.get(v, v)
            s.body[:] = substituted(s.body, use)
            if isinstance(s, While):
                s.test[:] = substituted(s.test, use)
                s.cond = mapped(s.cond, use)
            s.brk = mapped(s.brk, use)
            for c in s.carries:
                c.end = mapped(c.end, use)
        self.b.add(s)
