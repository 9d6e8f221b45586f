"""Which Python name each Var is printed under: names come from the user's source; those that go round a loop or come out of a
branch share one name wherever their lifetimes do not overlap."""
import builtins
import keyword

from .program import For, If, Var, While, binds, blocks, inner, reads, variables


class Names:
    """One Python name for each Var; Vars of one web share a name where they may."""

    def __init__(self, program, folded, reserved):
        self.taken, self.of = {*keyword.kwlist, *dir(builtins), *reserved}, {}
        self.time, self.spans, self.folded = 0, {}, folded
        self.groups, self.pool = {}, {}         # webs; (hint, type) -> (name, lifetimes) of names given
        for _, p in program.params:
            for v in variables(p):
                self.spans[v] = [(0, 0)]
        self._block(program.body)
        self.time += 1
        for v in variables(program.result):
            self._use(v)

    # ---- lifetimes, as intervals of the time at which statements run down the page
    def _def(self, v):
        self.spans.setdefault(v, []).append((self.time, self.time))

    def _use(self, v):
        if v in self.folded:
            for a in reads(self.folded[v]):
                self._use(a)
            return
        spans = self.spans.get(v)
        if spans:
            spans[-1] = (spans[-1][0], max(spans[-1][1], self.time))

    def _block(self, block):
        for s in block:
            self.time += 1
            match s:
                case For() | While():
                    start = self.time
                    for v in variables(*(c.init for c in s.carries), *((s.lo, s.hi, s.step) if isinstance(s, For) else ())):
                        self._use(v)
                    self.time += 1
                    outside = set(self.spans)
                    for v in inner(s):
                        self._def(v)
                    for b in blocks(s):
                        self._block(b)
                    self.time += 1
                    for v in variables(*(c.end for c in s.carries), s.brk, s.cond if isinstance(s, While) else None):
                        self._use(v)
                    for c in s.carries:         # what the head holds at the end of an iteration begins the next
                        if c.end is c.head:
                            self._use(c.head)
                    if isinstance(s, For) and s.parallel:
                        self._use(s.var)        # Numba has the counter of a prange be nothing else
                    for v in outside:           # read inside: needed in every iteration
                        if self.spans[v][-1][1] > start:
                            self._use(v)
                    self.time += 1
                    for c in s.carries:
                        self._def(c.exit)
                        self.spans[c.exit][-1] = (self.time, self.time)
                case If():
                    for v in variables(s.cond):
                        self._use(v)
                    for b, operands in ((s.then, [p.then for p in s.phis]), (s.orelse, [p.orelse for p in s.phis])):
                        self.time += 1
                        self._block(b)
                        self.time += 1
                        for v in variables(*operands):
                            self._use(v)
                    self.time += 1
                    for p in s.phis:
                        self._def(p.out)
                case _:
                    if not (binds(s) and binds(s)[0] in self.folded):
                        for v in reads(s):
                            self._use(v)
                        for v in binds(s):
                            self._def(v)

    # ---- webs
    def free(self, a, b):
        """May these two groups share a name?"""
        return not any((x[0] < y[1] and y[0] < x[1]) or x[0] == y[0] for x in a[1] for y in b[1])

    def merge(self, a, b):
        """Give two Vars one name, if their types agree and their lifetimes do not overlap."""
        if not (isinstance(a, Var) and isinstance(b, Var)) or a.type != b.type or a in self.folded or b in self.folded:
            return
        if a in self.of or b in self.of:            # parameters have their names
            return
        ga, gb = (self.groups.setdefault(v, [{v}, list(self.spans.get(v, ()))]) for v in (a, b))
        if ga is gb or not self.free(ga, gb):
            return
        ga[0] |= gb[0]
        ga[1] += gb[1]
        for v in gb[0]:
            self.groups[v] = ga

    def fresh(self, hint):
        hint = "".join(c if c.isalnum() or c == "_" else "_" for c in hint) or "t"
        name, k = hint, 1
        while name in self.taken:
            k += 1
            name = f"{hint}{k}" if not hint[-1].isdigit() else f"{hint}_{k}"
        self.taken.add(name)
        return name

    def __getitem__(self, v):
        if v not in self.of:
            group, spans = self.groups.get(v, [{v}, list(self.spans.get(v, ()))])
            name = self.shared(v, spans)
            for u in group:
                self.of[u] = name
        return self.of[v]

    def shared(self, v, spans):
        """The name of an earlier value of this hint and type that is done with, else a new one."""
        hint = "k" if v.hint == "_" and any(end > start for start, end in spans) else v.hint      # it is read
        known = self.pool.setdefault((hint, v.type), [])
        for name, taken in known:
            if self.free((None, taken), (None, spans)):
                taken += spans
                return name
        known.append((self.fresh(hint), list(spans)))
        return known[-1][0]
