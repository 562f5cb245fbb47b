"""How nodes are asked what they have signed: HTTP and JSON on loopback.

Nobody is authenticated: a signature counts because of its key, whoever brings it. A node of another machine is reached
through a tunnel or a proxy of its operator's choice.
"""

from __future__ import annotations

import asyncio
import socket

import httpx
import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from synchromesh.verification.quorum.node import ANSWER_MAX, VerifierNode
from synchromesh.verification.quorum.vouch import SignedVouch, VouchError, VouchLine

HOST = "127.0.0.1"
"""Nodes listen here."""
TIMEOUT_SECONDS = 2.0
"""Real seconds that a node may take to answer."""
ANSWER_BYTES = 512 * ANSWER_MAX
"""Longest answer; a signed vouch takes less than 400 bytes."""


class NodeError(Exception):
    """A node that does not answer, or not in this language."""


async def serve(node: VerifierNode, port: int) -> None:
    """Answers until cancelled: ``/vouches?first=N`` and ``/status``.

    Raises:
        OSError: When the port is taken.
    """

    async def vouches(request: Request) -> Response:
        try:
            first = int(request.query_params.get("first", "0"))
        except ValueError:
            return Response("first numbers a batch", 400)
        found = node.vouches(first)
        return _json([VouchLine.of(signed.vouch, signed.signature) for signed in found])

    async def status(request: Request) -> Response:
        return _json(node.status)

    app = Starlette(routes=[Route("/vouches", vouches), Route("/status", status)])
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    with socket.create_server((HOST, port)) as listening:
        # The process has its own signal handling; `_serve` is `serve` without uvicorn's.
        answering = asyncio.create_task(server._serve([listening]))
        try:
            await asyncio.shield(answering)
        finally:
            server.should_exit = True
            await answering


async def ask(client: httpx.AsyncClient, url: str, first: int) -> list[SignedVouch]:
    """Returns what a node has signed of batches from number ``first`` on.

    Raises:
        NodeError: When it does not answer in time, or with something else.
    """
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            async with client.stream("GET", f"{url}/vouches", params={"first": first}) as answer:
                answer.raise_for_status()
                body = b""
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > ANSWER_BYTES:
                        raise NodeError(f"{url}: answers with more than {ANSWER_BYTES} bytes")
        return [line.signed() for line in msgspec.json.decode(body, type=list[VouchLine])]
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, msgspec.MsgspecError, VouchError) as error:
        raise NodeError(f"{url}: {error or type(error).__name__}") from error


def _json(body: object) -> Response:
    return Response(msgspec.json.encode(body), media_type="application/json")
