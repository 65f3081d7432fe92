"""Secret sharing: algebra on arrays of ring elements, keys that parties have in common, Shamir's polynomials. No I/O
but the setup of keys."""
