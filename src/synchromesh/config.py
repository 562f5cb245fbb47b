"""The venue directory: ``venue.json`` that every process reads, key files that few may.

Layout::

    venue.json          what is below, no secrets
    keys/NAME.key       one secret as hex, mode 0600: operator, gateway, admin-0, oracle-0 …
    journal/            the execution process's journal and snapshots
    oracle-N.json       the settlement prices that an oracle node has signed

A secret never enters ``venue.json``, a log line or an error message.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import msgspec

from synchromesh.clock import VenueClock
from synchromesh.protocol.risk import CollateralTerms, RiskParameters

CONFIG_NAME = "venue.json"
"""Name of the configuration file in a venue directory."""


class ConfigError(Exception):
    """The venue directory, its configuration or one of its key files cannot be used."""


class AssetConfig(msgspec.Struct, frozen=True, kw_only=True):
    """An asset of the vault; the first of the list is USDC.

    Attributes
    ----------
    symbol
        Its symbol, ``USDC``.
    token
        ERC-20 contract, hex.
    decimals
        Decimals on chain.
    """

    symbol: str
    token: str
    decimals: int


class LimitsConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of the gateway. Rates are per connection (WebSocket) or per credential or peer (HTTP).

    Attributes
    ----------
    message_bytes
        Longest request; a longer one gets an error.
    frame_bytes
        Longest WebSocket frame; a longer one closes the connection with 1009.
    depth
        Deepest nesting of a request's JSON.
    burst
        Requests that may come at once.
    rate
        Requests per second after the burst.
    cancel_burst
        Cancels that may come at once; a lane of their own.
    cancel_rate
        Cancels per second after that.
    in_flight
        Commands of one connection that wait for the journal.
    output_bytes
        Unsent output of a connection before it is closed with 1013.
    subscriptions
        Channels per connection.
    connections
        Open WebSocket connections.
    """

    message_bytes: int = 65_536
    frame_bytes: int = 1 << 20
    depth: int = 8
    burst: int = 5_000
    rate: float = 2_000.0
    cancel_burst: int = 5_000
    cancel_rate: float = 2_000.0
    in_flight: int = 4_096
    output_bytes: int = 16 << 20
    subscriptions: int = 5_000
    connections: int = 1_024


class VenueConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every process of a venue knows.

    Attributes
    ----------
    chain_id
        EIP-155 chain id of the signing domain.
    rpc_url
        JSON-RPC endpoint of the chain.
    contract
        Settlement contract (the domain's verifying contract), hex.
    operator
        Address that signs frames and batches, hex.
    admins
        Administrators, hex, ascending.
    admin_quorum
        Administrator signatures a command needs.
    oracles
        Oracle keys, hex, ascending.
    oracle_quorum
        Oracle signatures a mark needs.
    assets
        Assets of the vault; the first is USDC.
    underlyings
        Symbols in the order of their ids, which start at 1.
    parameters
        Values that differ from the defaults of :mod:`synchromesh.execution.genesis`, by parameter word.
    risk
        Risk tables that administrators set when the venue opens, by symbol of the underlying. Without one an
        underlying has no portfolio margin.
    collateral
        Collateral terms that administrators set when the venue opens, by symbol of the asset.
    clock
        Venue time.
    host
        Address that the gateway listens on.
    websocket_port
        Port of ``/ws/api/v2``.
    http_port
        Port of ``/api/v2/…``, ``/health`` and ``/metrics``.
    oracle_ports
        Loopback ports of the oracle nodes; node ``n`` holds the key ``oracle-n``. None where marks come from elsewhere.
    login_domain
        What a signed login must name as its domain.
    limits
        Bounds of the gateway.
    """

    chain_id: int
    contract: str
    operator: str
    admins: tuple[str, ...]
    oracles: tuple[str, ...]
    assets: tuple[AssetConfig, ...]
    underlyings: tuple[str, ...]
    clock: VenueClock
    rpc_url: str = ""
    admin_quorum: int = 1
    oracle_quorum: int = 1
    parameters: dict[str, int] = msgspec.field(default_factory=dict)
    risk: dict[str, RiskParameters] = msgspec.field(default_factory=dict)
    collateral: dict[str, CollateralTerms] = msgspec.field(default_factory=dict)
    host: str = "127.0.0.1"
    websocket_port: int = 8080
    http_port: int = 8081
    oracle_ports: tuple[int, ...] = ()
    login_domain: str = "localhost"
    limits: LimitsConfig = LimitsConfig()

    @property
    def websocket_url(self) -> str:
        """URL of the WebSocket API."""
        return f"ws://{self.host}:{self.websocket_port}/ws/api/v2"

    def underlying_id(self, symbol: str) -> int:
        """The id of an underlying; `ConfigError` when there is none of that symbol."""
        if symbol not in self.underlyings:
            raise ConfigError(f"there is no underlying {symbol}, only {', '.join(self.underlyings)}")
        return self.underlyings.index(symbol) + 1

    def asset_id(self, symbol: str) -> int:
        """The id of an asset; `ConfigError` when there is none of that symbol."""
        symbols = [asset.symbol for asset in self.assets]
        if symbol not in symbols:
            raise ConfigError(f"there is no asset {symbol}, only {', '.join(symbols)}")
        return symbols.index(symbol)

    @property
    def http_url(self) -> str:
        """Base URL of the HTTP API, without ``/api/v2``."""
        return f"http://{self.host}:{self.http_port}"


class VenueDirectory:
    """A venue's directory on disk."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    @property
    def journal(self) -> Path:
        """Where the execution process keeps its journal."""
        return self.path / "journal"

    def read(self) -> VenueConfig:
        """The configuration.

        `ConfigError` when it is missing or not sound.
        """
        path = self.path / CONFIG_NAME
        try:
            return msgspec.json.decode(path.read_bytes(), type=VenueConfig)
        except FileNotFoundError as error:
            raise ConfigError(f"{path} does not exist: this is no venue directory") from error
        except msgspec.MsgspecError as error:
            raise ConfigError(f"{path}: {error}") from error

    def write(self, config: VenueConfig) -> None:
        """Writes the configuration, so that a reader sees the old one or the new one whole."""
        self.path.mkdir(parents=True, exist_ok=True)
        aside = self.path / f".{CONFIG_NAME}.{os.getpid()}"
        aside.write_bytes(msgspec.json.format(msgspec.json.encode(config), indent=2) + b"\n")
        aside.replace(self.path / CONFIG_NAME)

    def key_path(self, name: str) -> Path:
        """Where the secret ``name`` is kept."""
        return self.path / "keys" / f"{name}.key"

    def write_key(self, name: str, secret: bytes | None = None) -> bytes:
        """Writes the secret ``name`` (32 random bytes when none is given) and returns it.

        `ConfigError` when a secret of that name exists: losing one is never an accident of ours.
        """
        secret = secrets.token_bytes(32) if secret is None else secret
        path = self.key_path(name)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise ConfigError(f"{path} exists already") from error
        with os.fdopen(descriptor, "w") as file:
            file.write(secret.hex() + "\n")
        return secret

    def read_key(self, name: str) -> bytes:
        """The secret ``name``, 32 bytes.

        `ConfigError` when it is missing, readable by others or no 32 bytes of hex.
        """
        return read_key_file(self.key_path(name))

    def ensure_key(self, name: str) -> bytes:
        """The secret ``name``, and makes a random one first when there is none."""
        if not self.key_path(name).exists():
            return self.write_key(name)
        return self.read_key(name)

    def operator_token(self) -> str:
        """The bearer token of operator methods, made on first use.

        Processes of the operator read it from the key file ``operator-token``.
        """
        return self.ensure_key("operator-token").hex()


def read_key_file(path: Path) -> bytes:
    """The secret in a file, 32 bytes.

    `ConfigError` when it is missing, readable by others or no 32 bytes of hex.
    """
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"{path} must not be readable by others (chmod 600)")
        secret = bytes.fromhex(path.read_text().strip())
    except FileNotFoundError as error:
        raise ConfigError(f"{path} does not exist") from error
    except ValueError:
        # The cause would quote the file's content.
        raise ConfigError(f"{path} is not hex") from None
    if len(secret) != 32:
        raise ConfigError(f"{path} holds {len(secret)} bytes, not 32")
    return secret


def address_bytes(text: str) -> bytes:
    """The 20 bytes of a hex address, with or without ``0x``.

    `ConfigError` when it is no address.
    """
    try:
        address = bytes.fromhex(text.removeprefix("0x"))
    except ValueError as error:
        raise ConfigError(f"{text!r} is no address") from error
    if len(address) != 20:
        raise ConfigError(f"{text!r} is no address")
    return address
