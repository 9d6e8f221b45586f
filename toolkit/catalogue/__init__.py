"""The cards, one file per family, no logic."""
from . import algebra, arithmetic, elementary, networks, products, reductions, shapes, special  # noqa: F401  (registers the cards)
