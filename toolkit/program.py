"""The structured program: what a Python function is between parsing and emission.

    atom  ::= Var | Const | Tup(atom, ..) | Span(atom, atom, atom)
    stmt  ::= Let(out, fn, args)                       out = fn(args): a fresh value, or a view where fn makes views
            | Get(out, arr, index)                     out = arr[index]: an element, a view, or (integer array, mask) a copy
            | Set(arr, index, value, add)              arr[index] = value, or += where add (True or LOOSE)
            | For(var, lo, hi, step, body, carries, brk) | While(test, cond, body, carries, brk)
            | If(cond, then, orelse, phis)
            | Do(fn, args)                             fn(*args), for its effect: an error, or what it prints
            | NewStack(stack, count, shape) | Reserve(stack, count) | Push(stack, value) | Pop(out, stack)
            | Note(text)                               a comment

Every `Var` is bound once. A block sees what is bound before it, outside of it; what leaves a block leaves by name: a
loop by its carries (`head` is `init` at first, then the `end` of the iteration before; `exit` is the last `head`), a
branch by its phis. Arrays are references: two names may hold one buffer, and only `Set` changes a buffer's contents.
A stack has one type of value, one `Push` and one `Pop` site; residuals of loops travel on stacks.
"""
from dataclasses import dataclass, field, replace


@dataclass(eq=False)
class Var:
    """A value that is bound once; `hint` is the name it would like to have."""
    hint: str
    type: object

    def __repr__(self):
        return f"{self.hint}#{id(self) % 10007}"


@dataclass(frozen=True)
class Const:
    """A number, or any static Python object (a dtype, a function, None)."""
    value: object

    def __eq__(self, other):
        return (isinstance(other, Const) and type(self.value) is type(other.value) and self.value is other.value) or (
            isinstance(other, Const) and isinstance(self.value, (bool, int, float, str))
            and type(self.value) is type(other.value) and self.value == other.value)

    def __hash__(self):
        return hash(type(self.value))


class _Undefined:
    def __repr__(self):
        return "undefined"


LOOSE = "in any order"          # of a Set that adds: it contributes to a tangent or cotangent, in an order that is open
IF_PROVEN = "if it is proven"    # of a loop: it runs in parallel where its iterations are found not to depend on one another
UNDEFINED = Const(_Undefined())         # what a branch not taken leaves behind: never read


@dataclass(frozen=True)
class Tup:
    """A tuple; of a named one, `kind` is the class."""
    items: tuple
    kind: type = None

    def of(self, items):
        """The same structure, of other items."""
        return replace(self, items=tuple(items))

    def like(self, other):
        """Are these tuples of one kind and length?"""
        return type(self) is type(other) and self.kind is other.kind and len(self.items) == len(other.items)


class ListDisplay(Tup):
    """A list that is written out. It is read like a tuple; what would change it is refused."""


class Listed(Tup):
    """A list that is an argument: itself, its entries in one array and, of a list of arrays, where each begins and its shape."""

    def holding(self, entries):
        """A list of the same lengths with other entries, as a result."""
        return replace(self, items=(self.items[0], entries, *self.items[2:]))


@dataclass(frozen=True, eq=False)
class Growing:
    """The identity of a list that grows; `key` names what it holds in the environment (see lists.py). That of an argument is
    not ours to change."""
    key: str
    ours: bool = True
    __name__ = "a list"


@dataclass(frozen=True)
class Span:
    """A slice inside an index."""
    lo: object
    hi: object
    step: object


@dataclass(frozen=True, eq=False)
class Stack:
    """A typed stack of residuals; `place` is that of the loop whose values it holds."""
    hint: str
    type: object
    place: object = None


@dataclass(eq=False)
class Let:
    out: Var
    fn: object
    args: tuple
    kw: tuple = ()
    place: object = None


@dataclass(eq=False)
class Get:
    out: Var
    arr: object
    index: tuple
    place: object = None


@dataclass(eq=False)
class Set:
    arr: object
    index: tuple
    value: object
    add: bool | str = False
    place: object = None


@dataclass(eq=False)
class Do:
    fn: object
    args: tuple


@dataclass(eq=False)
class Carry:
    head: Var
    init: object
    end: object
    exit: Var
    loose: bool = False             # of a tangent: the order of what is added to it is open


@dataclass(eq=False)
class For:
    var: Var
    lo: object
    hi: object
    step: object
    body: list
    carries: list = field(default_factory=list)
    brk: object = None
    place: object = None
    parallel: bool | str = False    # True: its iterations do not depend on one another but by sums; or IF_PROVEN
    twin: object = None             # what a loop and its reverse have in common


@dataclass(eq=False)
class While:
    test: list
    cond: object
    body: list
    carries: list = field(default_factory=list)
    brk: object = None
    place: object = None


@dataclass(eq=False)
class Phi:
    out: Var
    then: object
    orelse: object


@dataclass(eq=False)
class If:
    cond: object
    then: list
    orelse: list
    phis: list = field(default_factory=list)
    tapes: tuple = ()               # the stacks that it makes sure of room for


@dataclass(eq=False)
class NewStack:
    stack: Stack
    count: object = Const(0)
    shape: object = Const(None)     # of all the arrays that it will hold, a Tup; None where they may differ


@dataclass(eq=False)
class Reserve:
    stack: Stack
    count: object


@dataclass(eq=False)
class Push:
    stack: Stack
    value: object


@dataclass(eq=False)
class Pop:
    out: Var
    stack: Stack


@dataclass(eq=False)
class Note:
    """A comment for the reader of the emitted source."""
    text: str


@dataclass(eq=False)
class Program:
    """`params` are (name, structure of Vars); `result` is a structure of atoms."""
    name: str
    params: list
    body: list
    result: object


NESTED = (For, While, If)


def blocks(s):
    """The blocks inside a statement."""
    match s:
        case For():
            return [s.body]
        case While():
            return [s.test, s.body]
        case If():
            return [s.then, s.orelse]
    return []


def walk(block):
    """Every statement of a block and of the blocks inside it, in program order."""
    for s in block:
        yield s
        if isinstance(s, NESTED):
            for b in blocks(s):
                yield from walk(b)


def rebuilt(s, block):
    """A statement with the blocks inside it made anew."""
    match s:
        case For() | While():
            return replace(s, body=block(s.body))
        case If():
            return replace(s, then=block(s.then), orelse=block(s.orelse))
    return s


def leaves(atom):
    """The Vars and Consts of a structure."""
    match atom:
        case Tup(items):
            for a in items:
                yield from leaves(a)
        case Span(lo, hi, step):
            for a in (lo, hi, step):
                yield from leaves(a)
        case None:
            return
        case _:
            yield atom


def lists(*atoms):
    """The lists that are arguments in some structures."""
    for a in atoms:
        if isinstance(a, Listed):
            yield a
        elif isinstance(a, Tup):
            yield from lists(*a.items)


def variables(*atoms):
    """The Vars of some structures."""
    found = []
    for atom in atoms:
        if isinstance(atom, Var):
            found.append(atom)
        elif not isinstance(atom, Const):
            found += [a for a in leaves(atom) if isinstance(a, Var)]
    return found


def reads(s):
    """The Vars that a statement reads itself (not the statements inside it)."""
    atoms = READ.get(type(s))
    return variables(*atoms(s)) if atoms is not None else []


def _carried(loop):
    return (x for c in loop.carries for x in (c.init, c.end))


READ = {                                            # what a statement reads, as structures
    Let: lambda s: (*s.args, *(a for _, a in s.kw)) if s.kw else s.args,
    Get: lambda s: (s.arr, *s.index),
    Set: lambda s: (s.arr, *s.index, s.value),
    For: lambda s: (s.lo, s.hi, s.step, s.brk, *_carried(s)),
    While: lambda s: (s.cond, s.brk, *_carried(s)),
    If: lambda s: (s.cond, *(x for p in s.phis for x in (p.then, p.orelse))),
    Do: lambda s: s.args,
    Push: lambda s: (s.value,),
    Reserve: lambda s: (s.count,),
    NewStack: lambda s: (s.count, s.shape),
}


def binds(s):
    """The Vars that a statement binds in its own block."""
    match s:
        case Let() | Get() | Pop():
            return [s.out]
        case For() | While():
            return [c.exit for c in s.carries]
        case If():
            return [p.out for p in s.phis]
    return []


def inner(s):
    """The Vars that a loop binds at the head of its body."""
    match s:
        case For():
            return [s.var, *(c.head for c in s.carries)]
        case While():
            return [c.head for c in s.carries]
    return []


def free(block):
    """The Vars that a block reads but does not bind, in order."""
    mine = {v for t in walk(block) for v in (*binds(t), *inner(t))}
    return [v for t in walk(block) for v in reads(t) if v not in mine]


def mapped(atom, f):
    """A structure with f applied to its Vars."""
    match atom:
        case Var():
            return f(atom)
        case Tup(items):
            return atom.of(mapped(a, f) for a in items)
        case Span(lo, hi, step):
            return Span(mapped(lo, f), mapped(hi, f), mapped(step, f))
    return atom


def substituted(block, use, bind=lambda v: v, stack=lambda s: s, twin=lambda t: t):
    """A copy of a block: `use` maps the Vars read, `bind` those bound (in program order), `twin` what loops have in common."""
    u = lambda a: mapped(a, use)
    us = lambda xs: tuple(mapped(a, use) for a in xs)
    sub = lambda b: substituted(b, use, bind, stack, twin)
    out = []
    for s in block:
        match s:
            case Let():
                args, kw = us(s.args), tuple((k, u(a)) for k, a in s.kw)
                new = Let(bind(s.out), s.fn, args, kw, s.place)
            case Get():
                arr, index = u(s.arr), us(s.index)
                new = Get(bind(s.out), arr, index, s.place)
            case Set():
                new = Set(u(s.arr), us(s.index), u(s.value), s.add, s.place)
            case For():
                lo, hi, step, inits = u(s.lo), u(s.hi), u(s.step), [u(c.init) for c in s.carries]
                var, heads = bind(s.var), [bind(c.head) for c in s.carries]
                body = sub(s.body)
                ends, brk = [u(c.end) for c in s.carries], u(s.brk)
                carries = [Carry(h, i, e, bind(c.exit), c.loose) for h, i, e, c in zip(heads, inits, ends, s.carries)]
                new = For(var, lo, hi, step, body, carries, brk, s.place, s.parallel, twin(s.twin))
            case While():
                inits = [u(c.init) for c in s.carries]
                heads = [bind(c.head) for c in s.carries]
                test = sub(s.test)
                cond, body = u(s.cond), sub(s.body)
                ends, brk = [u(c.end) for c in s.carries], u(s.brk)
                carries = [Carry(h, i, e, bind(c.exit), c.loose) for h, i, e, c in zip(heads, inits, ends, s.carries)]
                new = While(test, cond, body, carries, brk, s.place)
            case If():
                cond, then, orelse = u(s.cond), sub(s.then), sub(s.orelse)
                phis = [Phi(bind(p.out), u(p.then), u(p.orelse)) for p in s.phis]
                new = If(cond, then, orelse, phis, tuple(map(stack, s.tapes)))
            case Do():
                new = Do(s.fn, us(s.args))
            case NewStack():
                new = NewStack(stack(s.stack), u(s.count), u(s.shape))
            case Reserve():
                new = Reserve(stack(s.stack), u(s.count))
            case Push():
                new = Push(stack(s.stack), u(s.value))
            case Pop():
                new = Pop(bind(s.out), stack(s.stack))
            case Note():
                new = s
        out.append(new)
    return out


def instance(program, args):
    """(statements, result) of a program applied to atoms: every name fresh, so that it can be spliced in anywhere."""
    env, stacks, twins = {}, {}, {None: None}

    def fit(param, arg):
        if isinstance(param, Tup):
            for p, a in zip(param.items, arg.items, strict=True):
                fit(p, a)
        elif isinstance(param, Var):
            env[param] = arg

    for (_, param), arg in zip(program.params, args, strict=True):
        fit(param, arg)

    def bind(v):
        env[v] = Var(v.hint, v.type)
        return env[v]

    use = lambda v: env.get(v, v)
    stack = lambda s: stacks.setdefault(s, replace(s))
    body = substituted(program.body, use, bind, stack, lambda t: twins.setdefault(t, object()))
    return body, mapped(program.result, use)


def filtered(block, kept):
    """The statements of a block, and of the blocks inside it, that are to be kept."""
    out = []
    for s in block:
        if kept(s):
            match s:
                case For():
                    s = replace(s, body=filtered(s.body, kept))
                case While():
                    s = replace(s, test=filtered(s.test, kept), body=filtered(s.body, kept))
                case If():
                    s = replace(s, then=filtered(s.then, kept), orelse=filtered(s.orelse, kept))
            out.append(s)
    return out


def pruned(program, acts=lambda s: False):
    """The program without what nothing reads. Contents written to an array that nobody reads are nobody's either. A Let or
    Get that `acts` stays in any case."""
    live = set(variables(program.result))
    for _, p in program.params:
        live |= set(variables(p))
    live |= {s.out for s in walk(program.body) if isinstance(s, (Let, Get)) and acts(s)}
    used = {s.stack for s in walk(program.body) if isinstance(s, (Push, Pop))}
    program = replace(program, body=filtered(program.body, lambda s: not serves(s) or used & serves(s)))
    while True:
        before = len(live)
        _mark(program.body, live)
        if len(live) == before:
            break
    return replace(program, body=_keep(program.body, live))


def serves(s):
    """The stacks that a statement is there for alone."""
    return {s.stack} if isinstance(s, (NewStack, Reserve)) else {*s.tapes} if isinstance(s, If) else set()


def _effect(s):
    return isinstance(s, (Set, Do, NewStack, Reserve, Push, Pop))


def _mark(block, live):
    for s in reversed(block):
        if isinstance(s, (For, While)):
            for c in s.carries:
                if c.exit in live or c.head in live:
                    live.add(c.head)
                    live |= set(variables(c.init, c.end))
        if isinstance(s, If):
            for p in s.phis:
                if p.out in live:
                    live |= set(variables(p.then, p.orelse))
        for b in reversed(blocks(s)):
            _mark(b, live)
        match s:
            case Let() | Get():
                if s.out in live:
                    live |= set(reads(s))
            case For():
                if _alive(s, live):
                    live |= set(variables(s.lo, s.hi, s.step, s.brk))
            case While():
                if _alive(s, live):
                    live |= set(variables(s.cond, s.brk))
            case If():
                if _alive(s, live):
                    live |= set(variables(s.cond))
            case _:
                live |= set(reads(s))


def _alive(s, live):
    """Does anything that a compound statement does matter?"""
    if any(v in live for v in binds(s)):
        return True
    return isinstance(s, While) or any(_effect(t) or any(v in live for v in binds(t)) for b in blocks(s) for t in walk(b))


def _keep(block, live):
    out = []
    for s in block:
        match s:
            case Let() | Get():
                if s.out in live:
                    out.append(s)
            case For() if _alive(s, live):
                out.append(replace(s, body=_keep(s.body, live), carries=[c for c in s.carries if c.head in live]))
            case While():
                out.append(replace(s, test=_keep(s.test, live), body=_keep(s.body, live),
                                   carries=[c for c in s.carries if c.head in live]))
            case If() if _alive(s, live):
                out.append(replace(s, then=_keep(s.then, live), orelse=_keep(s.orelse, live),
                                   phis=[p for p in s.phis if p.out in live]))
            case For() | If():
                pass
            case _:
                out.append(s)
    return out
