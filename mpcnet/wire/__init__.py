"""The wire: how two parties' bytes become channels that protocols talk over.

    frames, handshake, mux (with inbox and outbox), tls     bytes in, bytes out; no I/O
    driver                                                  a TLS socket on the event loop
    connection, channel                                     a link to one peer, and its channels
    greeting, lobby, transport                              from a roster to a full mesh of links
    memory                                                  the same links inside one process

`docs/wire-format.md` is the format, byte by byte.
"""
