"""Cryptographic protocols over an abstract channel. Nothing here opens a socket."""
