"""The SDK: asynchronous and synchronous clients that sign, reconnect and keep local books."""

from synchromesh.client.book import BookGap, LocalBook
from synchromesh.client.chain import ChainGap, ChainLine, LocalChain
from synchromesh.client.client import Client
from synchromesh.client.errors import ClientError, ConnectionLost, RequestRefused
from synchromesh.client.signing import Signer
from synchromesh.client.sync import SyncClient

__all__ = [
    "BookGap",
    "ChainGap",
    "ChainLine",
    "Client",
    "ClientError",
    "ConnectionLost",
    "LocalBook",
    "LocalChain",
    "RequestRefused",
    "Signer",
    "SyncClient",
]
