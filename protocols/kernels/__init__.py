"""The hot loops, compiled by Numba. Import them inside the function that needs them: Numba takes 0.6 s to load."""

import sys

if sys.byteorder != "little":
    raise ImportError("the kernels take labels as little-endian words: this CPU is big-endian, and is not supported")
