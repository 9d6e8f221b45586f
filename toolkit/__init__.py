"""Forward and reverse automatic differentiation of Numba functions, from one catalogue of primitives."""
from .cache import CacheWarning
from .check import LawBroken, check_grads
from .cost import Cost, cost
from .custom import custom
from .dual import Dual
from .errors import DualtapeError, Refusal, UsageError
from .record import record
from .runtime import logsumexp, relu, sigmoid, softmax, softplus, stop_gradient
from .transform import grad, hessian, hvp, jacobian, jvp, source, value_and_grad, vjp

__all__ = ["CacheWarning", "Cost", "Dual", "DualtapeError", "LawBroken", "Refusal", "UsageError", "check_grads", "cost",
           "custom", "grad", "hessian", "hvp", "jacobian", "jvp", "logsumexp", "record", "relu", "sigmoid", "softmax",
           "softplus", "source", "stop_gradient", "value_and_grad", "vjp"]
