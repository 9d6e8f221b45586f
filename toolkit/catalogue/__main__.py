"""`python -m toolkit.catalogue` prints what is differentiated, and what is not."""
from ..coverage import markdown

print(markdown(), end="")
