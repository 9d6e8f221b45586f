"""Linear systems whose matrix is Cholesky's factor are solved by substitution: np.linalg.solve does not know of the zeros.

Program -> Program, the same function up to rounding: a factor is what np.linalg.cholesky returned, or its transpose, if nothing
is written to it. `DUALTAPE_ELEMENTARY=off` leaves np.linalg.solve, and with it the function's values to the last bit.
"""
import os
from dataclasses import replace

import numpy as np

from .activity import Aliases
from .program import Let, Set, rebuilt, walk
from .triangular import back_substituted, forward_substituted


def by_substitution(program):
    """The program with substitution where the matrix is known to be triangular."""
    made = {s.out: s for s in walk(program.body) if isinstance(s, Let)}
    if os.environ.get("DUALTAPE_ELEMENTARY") == "off" or all(s.fn is not np.linalg.cholesky for s in made.values()):
        return program
    aliases = Aliases(program)
    written = {aliases.of(s.arr) for s in walk(program.body) if isinstance(s, Set)}

    def factor(s):
        return s is not None and s.fn is np.linalg.cholesky and aliases.of(s.out) not in written

    def solved(s):
        if not isinstance(s, Let) or s.fn is not np.linalg.solve or s.kw:
            return rebuilt(s, block)
        matrix, b = s.args
        given = made.get(matrix)
        if factor(given):
            return replace(s, fn=forward_substituted)
        if given is not None and given.fn is np.transpose and len(given.args) == 1 and factor(made.get(given.args[0])):
            return replace(s, fn=back_substituted, args=(given.args[0], b))
        return s

    def block(statements):
        return [solved(s) for s in statements]
    return replace(program, body=block(program.body))
