"""Forward and reverse automatic differentiation of Numba functions, from one catalogue of primitives."""
from .errors import DualtapeError, Refusal, UsageError
from .transform import grad, hvp, jvp, source, value_and_grad, vjp

__all__ = ["DualtapeError", "Refusal", "UsageError", "grad", "hvp", "jvp", "source", "value_and_grad", "vjp"]
