"""What a link counts."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LinkStats"]


@dataclass(frozen=True)
class LinkStats:
    """Counters of a link.

    Attributes:
        bytes_sent, bytes_received: frames with their headers, TLS excluded.
        wire_sent, wire_received: what the network carried, TLS included, its handshake excluded.
        messages_sent, messages_received, payload_sent, payload_received: messages of all channels, and their bytes.
        round_trip_seconds: of the last heartbeat, waiting in queues included; None before the first.
    """

    bytes_sent: int
    bytes_received: int
    wire_sent: int
    wire_received: int
    messages_sent: int
    messages_received: int
    payload_sent: int
    payload_received: int
    round_trip_seconds: float | None
