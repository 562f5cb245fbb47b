"""Assets beside USDC: deployed, deposited in their own decimals, and credited in engine units."""

from __future__ import annotations

import pytest

from support.ledger import ALICE
from support.local import OWNER, LocalChain, terms
from synchromesh.protocol import Deposit, address_of, decode_inbox_body
from synchromesh.settlement.chain import Reverted
from synchromesh.settlement.deploy import TEST_TOKENS, deploy
from synchromesh.settlement.inbox import InboxFollower
from synchromesh.settlement.sender import Sender
from synchromesh.settlement.wallet import Wallet


@pytest.mark.asyncio
async def test_every_test_token_is_deposited_and_credited() -> None:
    async with LocalChain() as local:
        asked = terms(deposit_cap=1_000 * 10**6, tokens=TEST_TOKENS)
        deployed = await deploy(Sender(local.chain, OWNER), asked)
        assert list(deployed.tokens) == list(TEST_TOKENS)
        for asset, (symbol, decimals) in enumerate(TEST_TOKENS.items(), start=1):
            wallet = Wallet(local.chain, deployed.settlement, deployed.tokens[symbol], ALICE, asset)
            await wallet.mint(2_000 * 10**decimals)
            await wallet.deposit(3 * 10**decimals // 2, subaccount=asset)
            await wallet.deposit_with_permit(10**decimals, subaccount=asset)
            with pytest.raises(Reverted):
                await wallet.deposit(1_000 * 10**decimals)
        follower = InboxFollower(local.chain, deployed.settlement, 0, bytes(32), 0)
        credited = [decode_inbox_body(entry.item) for entry in await follower.poll()]
    alice = address_of(ALICE)
    assert credited == [
        Deposit(alice, asset, asset, amount)
        for asset in range(1, len(TEST_TOKENS) + 1)
        for amount in (150_000_000, 100_000_000)
    ]
