"""Experiments: one file, one question each; `python -m experiments` runs them and writes their numbers and pictures."""

import os

# One BLAS thread (or as many as `peers` is told), so that times measure work and not the scheduler. It must be said
# before NumPy is first imported.
for _variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[_variable] = os.environ.get("EXPERIMENTS_THREADS", "1")
