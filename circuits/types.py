"""Port types: what a group of wires means.

    Bit                  one wire
    UInt[n]              unsigned, 0 .. 2**n - 1
    Int[n]               two's complement, -2**(n-1) .. 2**(n-1) - 1
    Fixed[n, f]          Int[n] over 2**f
    Vec[T, k]            k elements of T, element 0 first

Least significant bit first everywhere. `encode` turns one value, or an array of them whose first axis is the batch,
into a bit matrix of shape (batch, n_bits); `decode` turns it back. Values wider than 64 bits are Python integers
(object arrays).
"""
