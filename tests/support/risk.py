"""A venue for tests whose underlyings have risk tables, and an asset that counts as collateral."""

from __future__ import annotations

from pathlib import Path

import msgspec

from support.venue import TestVenue
from synchromesh.config import AssetConfig
from synchromesh.protocol import CONTRACT, Deposit, SetCollateral, SetRiskParameters, encode_inbox_body
from synchromesh.protocol.risk import CollateralTerms, RiskParameters
from synchromesh.risk.parameters import DEFAULT_RISK

RISK: dict[str, RiskParameters] = {symbol: DEFAULT_RISK[symbol] for symbol in ("BTC", "ETH")}
WBTC = 1
"""Asset id of wrapped bitcoin."""
COLLATERAL = CollateralTerms(
    price_underlying=1,
    scenario_underlying=1,
    haircut_initial=50_000_000,
    haircut_maintenance=30_000_000,
    depeg=10_000_000,
    account_cap=20 * CONTRACT,
    venue_cap=1_000 * CONTRACT,
)
_TOKEN = "0x" + "c0" * 20


class RiskVenue(TestVenue):
    """A `TestVenue` with the default risk tables of BTC and ETH, and WBTC as collateral."""

    __test__ = False

    def __init__(self, path: Path, **options: object) -> None:
        super().__init__(path, **options)  # type: ignore[arg-type]
        wrapped = AssetConfig(symbol="WBTC", token=_TOKEN, decimals=8)
        self.config = msgspec.structs.replace(self.config, assets=(*self.config.assets, wrapped))
        self.directory.write(self.config)
        # A tick a lot, so that the largest lane fits its 32 bits.
        self.specs = [
            msgspec.structs.replace(spec, lane_unit=max(spec.tick_size * spec.lot_size // CONTRACT, 1))
            for spec in self.specs
        ]

    def up(self) -> RiskVenue:
        """Start, list the instruments, set tables and terms, and the marks from which they count."""
        super().up()
        for underlying, symbol in ((1, "BTC"), (2, "ETH")):
            self.set_risk(underlying, RISK[symbol])
        self.administer(SetCollateral(WBTC, COLLATERAL, self.now, self._administration()))
        self.mark()
        return self

    def set_risk(self, underlying: int, parameters: RiskParameters, delay_ns: int = 0) -> int:
        """Schedule a risk table so much later than now; when it counts from, venue ns."""
        effective = self.now + delay_ns
        self.administer(SetRiskParameters(underlying, parameters, effective, self._administration()))
        return effective

    def deposit_asset(self, owner: bytes, asset: int, amount: int) -> None:
        """Credit an owner with an asset, 1e-8 units."""
        item = encode_inbox_body(Deposit(owner, 0, asset, amount))
        index = self.call("public/status")["inbox_next"]
        self.call("operator/inbox_item", token=self.token, index=index, item=item.hex())
