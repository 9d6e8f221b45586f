"""What every test finds: no folder of caches, and LLVM's passes over all that it compiles.

Nothing is read from a cache, or left in one; test_cache has its own. LLVM's passes are those that users have, since it is
they that can make wrong code of right code. Machine code is made of their result by the quicker of LLVM's two ways, which
saves a third of the time: Numba asks once, where it makes its target. Tests of speed and of assembly have a process of
their own, with both as users have them. Python looks for garbage less often: a tenth of the time went to that.
"""
import gc
import os

import numba
from numba.core.registry import cpu_target

gc.set_threshold(50_000, 20, 20)
os.environ["DUALTAPE_CACHE_DIR"] = "off"

passes = numba.config.OPT
numba.config.OPT = type(passes)(0)
cpu_target.target_context.codegen()
numba.config.OPT = passes
