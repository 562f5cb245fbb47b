"""Batches on a real chain: packed, posted in calldata and in blobs, and read back from nothing but the chain."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from support.ledger import ALICE, BOB, OPERATOR
from support.local import STANDBY, LocalChain, LocalVenue
from synchromesh._native import MAX_CHUNK_BYTES
from synchromesh.protocol import Side
from synchromesh.settlement.batches import Batch, Source, before_next
from synchromesh.settlement.blob_sources import BeaconBlobs
from synchromesh.settlement.blobs import (
    DATA_ELEMENTS,
    ELEMENTS,
    blob_of,
    data_of,
    prove_contents,
    prove_element,
    stray_element,
)
from synchromesh.settlement.chain import ChainError, Reverted, address_from_secret
from synchromesh.settlement.posted import PostedBatch, PostedBatches, inputs_of
from synchromesh.settlement.posting import post_batch
from synchromesh.settlement.sender import Sender

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHUNK_BYTES = 400
"""Most bytes of a chunk where there are to be several."""
RELAY = "0x602036038060206000376000600082600060006000355af160205760006000fd5b00"
"""Code that calls the address in the first word of its calldata with the rest of them, and fails when that does."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def local() -> AsyncIterator[LocalChain]:
    async with LocalChain() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def venue(local: LocalChain) -> LocalVenue:
    """An open venue in which two traded."""
    found = await LocalVenue.new(local)
    await found.open()
    return found


def trade(venue: LocalVenue) -> None:
    venue.ledger.place(ALICE, 1, Side.BUY, 1_000)
    venue.ledger.place(BOB, 2, Side.SELL, 1_000)


async def posted(venue: LocalVenue, first_index: int = 0) -> list[PostedBatch]:
    reader = PostedBatches(venue.chain, venue.deployment.settlement)
    return [batch async for batch in reader.read(first_index)]


def as_made(batch: PostedBatch) -> Batch:
    """What was read, as its operator made it."""
    names = Batch.__struct_fields__
    return Batch(**{name: getattr(batch, name) for name in names})


# Calldata


async def test_a_batch_of_several_chunks_is_read_back_as_it_was_made(venue: LocalVenue) -> None:
    await venue.commit_journal()
    for _ in range(3):
        trade(venue)
    venue.ledger.withdraw(ALICE, 1, 5)
    batch = venue.batch(chunk_bytes=CHUNK_BYTES)
    assert len(batch.chunks) > 2
    assert any(any(chunk.end.command) for chunk in batch.chunks), "a command goes on in the next chunk"
    await venue.commit(batch)

    assert await venue.tip() == (2, before_next(batch.chunks[-1].end))
    found = await posted(venue)
    assert [each.header.index for each in found] == [0, 1]
    assert as_made(found[1]) == batch
    assert found[1].hash == batch.header.hash()
    assert found[1].operator == address_from_secret(OPERATOR)
    assert found[1].opening() == batch.opening()
    assert [as_made(each) for each in await posted(venue, 1)] == [batch]


async def test_nothing_is_posted_twice_after_a_crash_between_post_and_commit(venue: LocalVenue) -> None:
    batch, contracts = venue.batch(), await venue.contracts()
    # The first life posts the chunk and dies; whoever sent it, it is there.
    await Sender(venue.chain, BOB).send(contracts.batch_data.functions.post(batch.start.as_tuple(), batch.data[0]))
    second = Sender(venue.chain, OPERATOR)
    await post_batch(second, contracts, batch)
    assert second.used.transactions == 1, "the commit alone"
    assert as_made((await posted(venue))[0]) == batch


async def test_batches_that_were_taken_back_are_not_read(venue: LocalVenue) -> None:
    await venue.commit_journal()
    fork = venue.fork()
    trade(venue)
    wrong = await venue.commit_journal()
    reader = PostedBatches(venue.chain, venue.deployment.settlement)
    assert [each.header.index async for each in reader.read()] == [0, 1]
    await venue.take_back(wrong)
    assert await reader.count() == 1
    assert await reader.hash_of(1) is None

    trade(fork)
    trade(fork)
    right = fork.batch()
    standby = Sender(venue.chain, STANDBY)
    contracts = await venue.contracts()
    await standby.send(contracts.settlement.functions.takeOver())
    await post_batch(standby, contracts, right)
    found = [each async for each in reader.read(1)]
    assert [as_made(each) for each in found] == [right]
    assert found[0].operator == address_from_secret(STANDBY)


async def test_data_that_a_contract_passes_on_are_found_in_the_trace(venue: LocalVenue) -> None:
    batch, contracts = venue.batch(), await venue.contracts()
    relay = "0x" + "ab" * 20
    await venue.local.node.rpc("anvil_setCode", relay, RELAY)
    call = contracts.batch_data.encode_abi("post", [batch.start.as_tuple(), batch.data[0]])
    passed_on = bytes.fromhex(contracts.batch_data.address[2:]).rjust(32, b"\x00") + bytes.fromhex(call[2:])
    sender = address_from_secret(BOB)
    await venue.local.node.rpc("anvil_impersonateAccount", sender)
    await venue.local.node.rpc("eth_sendTransaction", {"from": sender, "to": relay, "data": "0x" + passed_on.hex()})
    await venue.local.node.rpc("anvil_stopImpersonatingAccount", sender)
    await venue.commit(batch)
    assert venue.operator.used.transactions == 1
    assert as_made((await posted(venue))[0]) == batch


async def test_an_address_without_a_venue_is_named(local: LocalChain) -> None:
    with pytest.raises(ChainError, match="no settlement contract"):
        await PostedBatches(local.chain, address_from_secret(ALICE)).count()


# Blobs


@pytest.mark.slow
async def test_a_batch_in_blobs_is_read_back_from_node_and_beacon_api(venue: LocalVenue) -> None:
    trade(venue)
    # A slot of its own: the beacon API of the local chain counts blocks where others count slots.
    number = int(await venue.chain.web3.eth.block_number) + 1
    genesis = int((await venue.chain.web3.eth.get_block(0))["timestamp"])
    batch = venue.batch(Source.BLOB)
    assert batch.chunks[0].content == blob_of(batch.data[0]).versioned_hash
    with pytest.raises(Reverted, match="BlobMissing"):
        await post_batch(venue.operator, await venue.contracts(), batch, blobs=())
    await venue.local.node.rpc("evm_setNextBlockTimestamp", genesis + 12 * number)
    await venue.commit(batch)

    for source in (None, BeaconBlobs(venue.chain.url)):
        found = await anext(PostedBatches(venue.chain, venue.deployment.settlement, source).read())
        assert found.block == number
        assert as_made(found) == batch
        assert found.blobs == [blob_of(batch.data[0]).content]

    async def read(source: Shelf) -> PostedBatch:
        return await anext(PostedBatches(venue.chain, venue.deployment.settlement, source).read())

    gone = await read(Shelf(None))
    assert (gone.data, gone.blobs) == ([None], [None])
    assert gone.opening() == batch.opening()
    with pytest.raises(ChainError, match="another blob"):
        await read(Shelf(blob_of(b"something else").content))


class Shelf:
    """Whoever keeps blobs, and hands out the same one each time."""

    def __init__(self, content: bytes | None) -> None:
        self.content = content

    async def fetch(self, versioned_hash: bytes, timestamp: int) -> bytes | None:
        return self.content


async def test_blobs_carry_data_of_any_length() -> None:
    for size in (0, 1, 26, 27, 28, 5_000):
        data = b"\x01" * size
        content = blob_of(data).content
        assert data_of(content) == data
        shown = prove_contents(content).elements
        assert len(shown) == 32 * -(-(4 + size) // 31)
    assert data_of(b"\x00" + b"\xff" * 31 + bytes(131_040)) is None, "a length that no blob has"
    assert data_of(b"\x01" + bytes(131_071)) is None, "an element with more than 31 bytes"
    strays = bytearray(blob_of(b"\x01" * MAX_CHUNK_BYTES).content)
    assert (data_of(strays), stray_element(strays)) == (b"\x01" * MAX_CHUNK_BYTES, None)
    with pytest.raises(ValueError, match="no blob holds"):
        blob_of(bytes(MAX_CHUNK_BYTES + 1))
    for element in (ELEMENTS - 1, DATA_ELEMENTS):
        strays[32 * element + 31] = 7
        assert (data_of(strays), stray_element(strays)) == (None, element)
        shown = prove_element(bytes(strays), element)
        assert (shown.index, shown.value) == (element, bytes(31) + b"\x07")


async def test_calls_that_were_undone_are_none() -> None:
    """Decoys: a call of the contract in a frame that failed left nothing behind, whatever it says."""
    undone = {"to": "0xBB", "input": "0x", "error": "execution reverted", "calls": [{"to": "0xAA", "input": "0x02"}]}
    refused = {"to": "0xAA", "input": "0x03", "error": "execution reverted"}
    trace = {"to": "0xCC", "input": "0x", "calls": [undone, refused, {"to": "0xaa", "input": "0x01"}]}
    assert list(inputs_of(trace, "0xAA")) == [b"\x01"]
