"""The cards, one file per family, no logic."""
from . import algebra, arithmetic, draws, elementary, interpolation, networks, products, reductions, shapes, special

__all__ = ["algebra", "arithmetic", "draws", "elementary", "interpolation", "networks", "products", "reductions", "shapes",
           "special"]
