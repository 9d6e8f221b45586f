"""Linear forms: what a differential may be made of, and how one is transposed.

    form ::= x_dot | form + form | form - form | -form | form * p | p * form | form / p | linear(.., form, ..)

Forward mode lowers a pruned form as it stands; reverse mode walks it from the outside in, and hands each tangent its share
of the cotangent. Names: `x_dot` tangents, `out_bar` cotangent.
"""
import ast
import inspect
import operator

from . import infer, tape
from .domain import Like
from .errors import Refusal, UsageError
from .lower import BINARY, lower_rule, quotient
from .primitive import CATALOGUE, lookup, returned
from .program import Const, Do, Tup


def undeclared(name, argument, place=None):
    """The refusal of a derivative that no card declares."""
    return Refusal(f"{name} has no derivative in {argument} in the catalogue",
                   "Hold that argument fixed with stop_gradient, or write the function out.", place)


def missing(card, mode, place):
    """The refusal of a mode for which a user's primitive has no rule."""
    return Refusal(f"{card.name} has no {mode} of its own", f"Declare it, with @{card.name}.{mode}.", place)


def has_dot(node):
    """Does an expression contain a tangent?"""
    return any(isinstance(n, ast.Name) and n.id.endswith("_dot") for n in ast.walk(node))


def scope_of(rule):
    """The names that a rule sees: its module's, and those of the function it was defined in."""
    return rule.__globals__ | inspect.getclosurevars(rule).nonlocals


def require_linear(form, scope, what):
    """Require the grammar above. Raises UsageError with the part that is not of it."""
    def fail():
        raise UsageError(f"{what} is not a linear form in the tangents: `{ast.unparse(form)}`")

    match form:
        case ast.Name(id=name) if name.endswith("_dot"):
            parts = []
        case ast.UnaryOp(ast.USub(), part):
            parts = [part]
        case ast.BinOp(left, ast.Add() | ast.Sub(), right):
            parts = [left, right]
        case ast.BinOp(left, ast.Mult() | ast.MatMult(), right) if not (has_dot(left) and has_dot(right)):
            parts = [left if has_dot(left) else right]
        case ast.BinOp(left, ast.Div(), right) if not has_dot(right):
            parts = [left]
        case ast.Call(f, args, []):
            parts = [a for a in args if has_dot(a)]
            fn = eval(compile(ast.Expression(f), what, "eval"), dict(scope))
            if not any(card.adjoint.keys() >= {p for p, a in zip(card.params, args) if has_dot(a)}
                       for card in CATALOGUE.get(fn, ())):
                fail()
        case _:
            fail()
    if isinstance(form, ast.Call) and not parts:
        fail()
    for part in parts:
        require_linear(part, scope, what)


def prune(form, live):
    """The form with the tangents outside `live` taken as zero; None when nothing remains."""
    match form:
        case ast.Name(id=name) if name.endswith("_dot"):
            return form if name in live else None
        case ast.BinOp(left, ast.Add() | ast.Sub() as op, right):
            left, right = prune(left, live), prune(right, live)
            if left is None:
                return right if right is None or isinstance(op, ast.Add) else ast.UnaryOp(ast.USub(), right)
            return left if right is None else ast.BinOp(left, op, right)
        case ast.BinOp(left, op, right):
            new = (prune(left, live), right) if has_dot(left) else (left, prune(right, live))
            return None if None in new else ast.BinOp(new[0], op, new[1])
        case ast.UnaryOp(op, v):
            v = prune(v, live)
            return None if v is None else ast.UnaryOp(op, v)
        case ast.Call(f, args):
            new = [prune(a, live) if has_dot(a) else a for a in args]
            if all(n is None for n, a in zip(new, args) if has_dot(a)):
                return None
            return ast.Call(f, [n if n is not None else ast.Constant(0.0) for n in new], [])
    raise AssertionError(ast.dump(form))


def differential(card, live, place=None):
    """[(form, scope)]: the sum of these is the tangent of the output when the arguments in `live` have tangents."""
    dots = {f"{p}_dot" for p in live}
    if card.form is not None:
        form = prune(returned(card.form), dots)
        return [(form, scope_of(card.form))] if form is not None else []
    missing = [p for p in live if p not in card.adjoint]
    if missing:
        raise undeclared(card.name, missing[0], place)
    return [(renamed(returned(card.value), {p: f"{p}_dot"}), card.value.__globals__) for p in live]


def renamed(expression, names):
    """An expression with names replaced."""
    class Rename(ast.NodeTransformer):
        def visit_Name(self, node):
            return ast.Name(names[node.id], node.ctx) if node.id in names else node
    return Rename().visit(expression)


def bind(card, s):
    """Parameter -> atom of one application, defaults included."""
    env = dict(zip(card.params, s.args)) | {"out": s.out}
    for name, p in inspect.signature(card.value).parameters.items():
        if name not in env and p.default is not p.empty:
            env[name] = Const(p.default)
    return env


def card_of(s, live):
    """The card that differentiates a Let with active arguments; a Refusal that says where if there is none."""
    card = lookup(s.fn, tuple(infer.rank_of(a) for a in s.args))
    if hasattr(s.fn, "instead"):
        raise Refusal(f"{s.fn.called} have no derivative", s.fn.instead, s.place)
    if card is None or not card.declared:
        shown = ", ".join(str(infer.type_of(a)) for a in s.args)
        raise Refusal(f"{infer.name_of(s.fn)}({shown}) has no derivative in the catalogue",
                      "Write it with functions that have one.", s.place)
    env = bind(card, s)
    chosen = [p for p in card.params if p in env and live(env[p])]
    for p, d in zip(card.params, card.domain):
        if p in chosen and p not in card.active:
            if not isinstance(d, Like):
                raise undeclared(infer.name_of(s.fn), f"`{p}`", s.place)
            chosen.remove(p)
    return card, env, chosen


def push(builder, card, env, live):
    """The tangent atom of one application: `env` binds parameters, `out` and tangents."""
    if card.pushforward is not None:
        return pushed(builder, card, env)
    if card.pullback is not None and card.form is None:
        raise missing(card, "jvp", builder.place)
    total = None
    for form, scope in differential(card, live, builder.place):
        term = lower_rule(builder, form, env, scope)
        total = term if total is None else builder.let(BINARY[ast.Add], total, term)
    return builder.zeros_like(env["out"]) if total is None else total


def pull(builder, card, env, live):
    """Yield (parameter, cotangent atom) for one application: `env` binds parameters, `out` and `out_bar`."""
    if card.pullback is not None:
        yield from pulled(builder, card, env, live)
        return
    if card.pushforward is not None and card.form is None:
        raise missing(card, "vjp", builder.place)
    if card.form is None:
        for p in live:
            if p not in card.adjoint:
                raise undeclared(card.name, p, builder.place)
            yield p, transposed(builder, card, p, env)
        return
    for form, scope in differential(card, live, builder.place):
        yield from _transpose(builder, form, env["out_bar"], env, scope)


def pushed(builder, card, env):
    """The tangent by a pushforward that the user wrote."""
    rule, out = card.pushforward, env["out"]
    given = {f"{p}_dot": builder.zeros_like(env[p]) for p in card.active if f"{p}_dot" not in env and p in env}
    body, tangent = rule.program_for([(env | given)[name] for name in rule.names], builder.place)
    builder.block.extend(body)
    return fitting(builder, tangent, out, f"the jvp of {card.name} returns")


def pulled(builder, card, env, live):
    """The cotangents by a pullback that the user wrote."""
    rule, active = card.pullback
    body, bars = rule.program_for([env[name] for name in rule.names], builder.place)
    builder.block.extend(body)
    bars = bars.items if isinstance(bars, Tup) else (bars,)
    if len(bars) != len(active):
        raise Refusal(f"the vjp of {card.name} returns {len(bars)} cotangents for {', '.join(active)}",
                      "Return one for each argument that it names.", builder.place)
    for p, bar in zip(active, bars):
        if p in live:
            yield p, fitting(builder, bar, env[p], f"the vjp of {card.name} returns for `{p}`")


def fitting(builder, dot, x, what):
    """A tangent or cotangent that a user's rule returned, of the kind, dtype and shape of what it belongs to."""
    if infer.rank_of(dot) != infer.rank_of(x):
        raise Refusal(f"{what} {infer.shown(dot)}, and not {infer.shown(x)}", "Return what has its shape.", builder.place)
    if infer.rank_of(x):
        builder.add(Do(tape.same_shape, (x, dot)))
    return builder.cast(dot, infer.type_of(x))


def transposed(builder, card, param, env):
    """The card's declared adjoint in one argument, lowered."""
    rule, k = card.adjoint[param]
    body = returned(rule)
    return lower_rule(builder, body.elts[k] if isinstance(body, ast.Tuple) else body, env, scope_of(rule))


def _transpose(builder, form, bar, env, scope):
    value = lambda node: lower_rule(builder, node, env, scope)
    let = lambda op, *args: builder.let(op, *args, hint="bar")
    go = lambda f, c: _transpose(builder, f, c, env, scope)
    match form:
        case ast.Name(id=name):
            yield name.removesuffix("_dot"), bar
        case ast.UnaryOp(ast.USub(), v):
            yield from go(v, let(operator.neg, bar))
        case ast.BinOp(l, ast.Add(), r):
            yield from go(l, bar)
            yield from go(r, bar)
        case ast.BinOp(l, ast.Sub(), r):
            yield from go(l, bar)
            yield from go(r, let(operator.neg, bar))
        case ast.BinOp(l, ast.Mult(), r) if has_dot(l):
            yield from go(l, let(BINARY[ast.Mult], bar, value(r)))
        case ast.BinOp(l, ast.Mult(), r):
            yield from go(r, let(BINARY[ast.Mult], value(l), bar))
        case ast.BinOp(l, ast.Div(), r):
            yield from go(l, quotient(builder, bar, value(r), "bar"))
        case ast.BinOp(l, op, r):
            yield from _call(builder, BINARY[type(op)], [l, r], bar, env, scope)
        case ast.Call(f, args):
            yield from _call(builder, lower_rule(builder, f, env, scope).value, args, bar, env, scope)
        case _:
            raise AssertionError(ast.dump(form))


def _call(builder, fn, args, bar, env, scope):
    """Transpose linear(.., form, ..): the slot of the form stands for the primal of its tangent, for its shape."""
    atoms, forms = [], []
    for k, a in enumerate(args):
        if has_dot(a):
            leaf = next(n.id for n in ast.walk(a) if isinstance(n, ast.Name) and n.id.endswith("_dot"))
            atoms.append(env[leaf.removesuffix("_dot")])
            forms.append(k)
        else:
            atoms.append(lower_rule(builder, a, env, scope))
    card = lookup(fn, tuple(infer.rank_of(a) for a in atoms))
    if card is None or not all(card.params[k] in card.adjoint for k in forms):
        raise undeclared(infer.name_of(fn), "this argument", builder.place)
    inside = dict(zip(card.params, atoms)) | {"out_bar": bar}
    for k in forms:
        yield from _transpose(builder, args[k], transposed(builder, card, card.params[k], inside), env, scope)
