"""Arithmetic on shares of ring elements, behind one contract: Shamir with an honest majority, additive without."""
