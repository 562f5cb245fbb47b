"""Receipts: the operator's signed word that a command has its place in the journal.

One signature per frame (group commit) over the Merkle root of its command hashes; a receipt is that signature and the
path of one command. A receipt that no batch honours is evidence against the operator.
"""

from collections.abc import Sequence

from synchromesh._native import merkle_leaf, merkle_proof, merkle_root, merkle_verify, recover
from synchromesh.protocol.signing import SignatureError, TypedDomain
from synchromesh.protocol.wire import U32, U64, Hash, Message, Signature


class Frame(Message, frozen=True):
    """What the operator signs for one frame of the journal: ``chain_hash`` is the command chain after its last one."""

    epoch: U64
    frame: U64
    first_sequence: U64
    count: U32
    command_root: Hash
    chain_hash: Hash

    def digest(self, domain: TypedDomain) -> bytes:
        """The digest that the operator signs."""
        return domain.frame(
            epoch=self.epoch,
            frame=self.frame,
            first_sequence=self.first_sequence,
            count=self.count,
            command_root=self.command_root,
            chain_hash=self.chain_hash,
        )


class Receipt(Message, frozen=True):
    """Proof that the operator acknowledged one command."""

    frame: Frame
    signature: Signature
    sequence: U64
    command_hash: Hash
    path: tuple[Hash, ...]

    def verify(self, operator: bytes, domain: TypedDomain) -> None:
        """Succeed when ``operator`` acknowledged the command at this sequence; `SignatureError` otherwise."""
        index = self.sequence - self.frame.first_sequence
        if not 0 <= index < self.frame.count:
            raise SignatureError(f"sequence {self.sequence} is not one of the frame's")
        leaf = merkle_leaf(self.command_hash)
        if not merkle_verify(self.frame.command_root, leaf, index, self.frame.count, list(self.path)):
            raise SignatureError("path does not lead to the frame's command root")
        recovered = recover(self.frame.digest(domain), self.signature)
        if recovered != operator:
            raise SignatureError(f"frame was signed by 0x{recovered.hex()}, not by 0x{operator.hex()}")


def command_root(command_hashes: Sequence[bytes]) -> bytes:
    """Root over the hashes of a frame's commands, in order."""
    return merkle_root([merkle_leaf(item) for item in command_hashes])


def command_path(command_hashes: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Path of command ``index`` under `command_root`; ValueError when there is no such command."""
    return tuple(merkle_proof([merkle_leaf(item) for item in command_hashes], index))
