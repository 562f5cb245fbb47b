"""What a journal says about its venue: who governs it, what is listed, and how signatures are made."""

from __future__ import annotations

from synchromesh._native import blake3, mark_arrays
from synchromesh.protocol import (
    Genesis,
    InstrumentSpec,
    ListInstruments,
    MarkInputs,
    Names,
    Record,
    SetRiskParameters,
    TypedDomain,
)


class VenueTables:
    """Collects from records, in order, what it takes to write further ones."""

    def __init__(self) -> None:
        self.admins: tuple[bytes, ...] = ()
        self.oracles: tuple[bytes, ...] = ()
        self.specs: dict[int, InstrumentSpec] = {}
        self._underlyings: dict[int, str] = {}
        self._assets: dict[int, str] = {}
        self._scenarios: dict[int, bytes] = {}
        self._domain: TypedDomain | None = None

    def learn(self, record: bytes) -> None:
        """Takes what a record says."""
        match Record.decode(record).command:
            case Genesis() as genesis:
                self._domain = TypedDomain(genesis.chain_id, genesis.contract)
                self.admins, self.oracles = genesis.admins, genesis.oracles
                self._underlyings = {each.underlying: each.symbol for each in genesis.underlyings}
                self._assets = {each.asset: each.symbol for each in genesis.assets}
            case ListInstruments(instruments=listed):
                self.specs |= {spec.instrument: spec for spec in listed}
            case SetRiskParameters(underlying=underlying, parameters=parameters):
                self._scenarios[underlying] = parameters.scenario.encode()

    @property
    def domain(self) -> TypedDomain:
        """What signatures are made for."""
        assert self._domain is not None, "a journal begins with its genesis"
        return self._domain

    @property
    def names(self) -> Names:
        """The names that are signed."""
        instruments = {number: spec.name for number, spec in self.specs.items()}
        return Names(instruments, self._underlyings, self._assets)

    def arrays_hash(self, inputs: MarkInputs) -> bytes:
        """Returns the hash of the marks that follow from inputs."""
        specs = [spec.encode() for _, spec in sorted(self.specs.items()) if spec.underlying == inputs.underlying]
        return blake3(mark_arrays(inputs.encode(), specs, self._scenarios.get(inputs.underlying)))
