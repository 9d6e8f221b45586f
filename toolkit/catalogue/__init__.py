"""The cards, one file per family, no logic."""
from . import arithmetic, elementary  # noqa: F401  (importing a family registers its cards)
