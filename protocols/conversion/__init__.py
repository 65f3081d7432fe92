"""From arithmetic shares to shares of bits and back, for any pair of engines with the same parties."""
