"""OT with every other party of a mesh, in both directions, after one setup."""

from __future__ import annotations

from collections.abc import Mapping

from protocols.channel import Mesh
from protocols.ot.extension import KAPPA, MESSAGE_OTS, tree_depths
from protocols.ot.roles import OtReceiver, OtSender
from protocols.rng import Rng, system_rng
from protocols.tasks import all_of

__all__ = ["PairwiseOt", "random_ot_bytes"]


class PairwiseOt:
    """An OT sender and an OT receiver with each peer, to be forked for each call.

    Security: that of SoftSpokenOT, semi-honest (`protocols.ot.extension`).

    Args:
        senders, receivers: by peer.
        k: of SoftSpokenOT.
    """

    def __init__(self, senders: Mapping[int, OtSender], receivers: Mapping[int, OtReceiver], k: int) -> None:
        self.senders, self.receivers, self.k = dict(senders), dict(receivers), k

    @classmethod
    async def setup(cls, mesh: Mesh, *, k: int = 2, rng: Rng = system_rng) -> PairwiseOt:
        """Set up OT with every peer in both directions, all at once.

        Args:
            mesh: to all the others, for this object alone.
            k: 1 to 8, the same at every party: fewer bytes for more work.
            rng: the source of randomness.
        Raises:
            ValueError: k is not between 1 and 8.
            MessageError: a peer's message has a wrong length or holds an invalid group element; names the peer.
        Cost: that of `OtSender.setup` for each pair and direction.
        """
        tree_depths(k)
        me, peers = mesh.party_id, sorted(mesh.channels)
        made = await all_of(
            [
                *(OtSender.setup(mesh.channels[peer].fork(f"ot/{me}"), k=k, rng=rng) for peer in peers),
                *(OtReceiver.setup(mesh.channels[peer].fork(f"ot/{peer}"), k=k, rng=rng) for peer in peers),
            ]
        )
        senders = dict(zip(peers, made[: len(peers)], strict=True))
        return cls(senders, dict(zip(peers, made[len(peers) :], strict=True)), k)

    def sender(self, mesh: Mesh, peer: int) -> OtSender:
        """A fork of the sender on a channel of a mesh that is for one call alone; the peer forks its `receiver`."""
        return self.senders[peer].fork(mesh.channels[peer].fork(f"ot/{mesh.party_id}"))

    def receiver(self, mesh: Mesh, peer: int) -> OtReceiver:
        """A fork of the receiver."""
        return self.receivers[peer].fork(mesh.channels[peer].fork(f"ot/{peer}"))


def random_ot_bytes(count: int, k: int) -> int:
    """What a receiver sends for so many random OTs in one call."""
    n_trees = len(tree_depths(k))
    whole, rest = divmod(count, MESSAGE_OTS)
    return n_trees * (whole * (MESSAGE_OTS // 8) + -(-rest // 8))


def setup_bytes(n_peers: int, k: int) -> int:
    """What a party sends in `PairwiseOt.setup`."""
    return n_peers * (64 * KAPPA + 32 + 32 * (KAPPA - len(tree_depths(k))))
