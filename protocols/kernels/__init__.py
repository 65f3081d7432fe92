"""The hot loops, compiled by Numba. Import them inside the function that needs them: Numba takes 0.6 s to load."""
