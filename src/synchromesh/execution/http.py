"""The HTTP transport: ``/api/v2/{public,private}/…`` by GET and POST, ``/health``, ``/metrics``."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from synchromesh.execution import requests
from synchromesh.execution.errors import ApiError, ErrorCode
from synchromesh.execution.gateway import Gateway
from synchromesh.execution.limits import Lanes
from synchromesh.execution.session import Session

REPLY_SECONDS = 30.0
"""Longest wait for the journal before a request is answered with 10040 (retry)."""
CLIENTS_MAX = 10_000
"""Clients whose credits are remembered."""
_STATUS = {
    ErrorCode.UNAUTHORIZED: 401,
    ErrorCode.INVALID_CREDENTIALS: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.TOO_MANY_REQUESTS: 429,
    ErrorCode.INTERNAL_SERVER_ERROR: 500,
    ErrorCode.RETRY: 503,
}


class HttpServer:
    """Serves a gateway over HTTP."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self._lanes: OrderedDict[str, Lanes] = OrderedDict()
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None
        self.app = Starlette(
            routes=[
                Route("/api/v2/{method:path}", self._call, methods=["GET", "POST"]),
                Route("/api/v2", self._call, methods=["POST"]),
                Route("/health", self._health),
                Route("/metrics", self._metrics),
            ]
        )

    async def start(self, host: str, port: int) -> int:
        """Listen; the port, which the system chooses when it is 0."""
        config = uvicorn.Config(
            self.app,
            host=host,
            port=port,
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=2,
        )
        self._server = uvicorn.Server(config)
        # The process has its own signal handling; `_serve` is `serve` without uvicorn's.
        self._task = asyncio.create_task(self._server._serve())
        while not self._server.started:
            if self._task.done():
                self._task.result()
                raise OSError(f"cannot listen on {host}:{port}")
            await asyncio.sleep(0.005)
        return int(self._server.servers[0].sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening."""
        if self._server and self._task:
            self._server.should_exit = True
            await self._task

    async def _health(self, request: Request) -> Response:
        host = self.gateway.host
        body = {"status": "ok", "sequence": host.sequence, "epoch": host.epoch, "time_ns": self.gateway.clock.now_ns()}
        return Response(msgspec.json.encode(body), media_type="application/json")

    async def _metrics(self, request: Request) -> Response:
        return PlainTextResponse(self.gateway.metrics.exposition())

    async def _call(self, request: Request) -> Response:
        received = requests.micros()
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        failure: list[ApiError] = []

        def reply(data: bytes) -> None:
            if not answer.done():
                answer.set_result(data)

        try:
            body = await self._body(request)
            session = self._session(request, body)
            self.gateway.call(self._request(request, body), session, reply, received, failure.append)
            data = await asyncio.wait_for(answer, REPLY_SECONDS)
        except TimeoutError:
            failure.append(
                ApiError(ErrorCode.RETRY, "timeout", "the outcome is not known yet: ask for the order's state")
            )
            data = requests.refused(None, failure[0], received, self.gateway.testnet)
        except ApiError as error:
            failure.append(error)
            self.gateway.metrics.refused(error)
            data = requests.refused(None, error, received, self.gateway.testnet)
        status = _STATUS.get(failure[0].code, 400) if failure else 200
        headers = {}
        if failure and "retry_after_ms" in failure[0].data:
            headers["Retry-After"] = str(-(-failure[0].data["retry_after_ms"] // 1000))
        return Response(data, status, headers, media_type="application/json")

    async def _body(self, request: Request) -> bytes:
        limit = self.gateway.config.limits.message_bytes
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                detail = f"a request has at most {limit} bytes"
                raise ApiError(ErrorCode.INVALID_REQUEST, "message_too_large", detail)
        return body

    def _session(self, request: Request, body: bytes) -> Session:
        header = request.headers.get("authorization")
        client = request.client.host if request.client else ""
        principal = None
        if header:
            # What the client hashed: path and query as they were sent.
            path, query = request.scope["raw_path"].decode("latin-1"), request.scope["query_string"].decode("latin-1")
            target = f"{path}?{query}" if query else path
            principal = self.gateway.auth.header(header, request.method, target, body.decode("latin-1"))
            client = f"{client} {principal.signer.hex()}"
        session = Session(self._lanes_of(client))
        session.principal = principal
        return session

    def _lanes_of(self, client: str) -> Lanes:
        lanes = self._lanes.pop(client, None) or Lanes(self.gateway.config.limits)
        self._lanes[client] = lanes
        if len(self._lanes) > CLIENTS_MAX:
            self._lanes.popitem(last=False)
        return lanes

    def _request(self, request: Request, body: bytes) -> requests.Request:
        path: str = request.path_params.get("method", "")
        if request.method == "POST" and body:
            document = requests.decode_json(body, self.gateway.config.limits.depth)
            if isinstance(document, dict) and "method" not in document:
                # A bare object of parameters: the path names the method.
                document = document if "params" in document else {"params": document}
                document = document | {"method": path}
            parsed = requests.parse_request(document)
            if path and parsed.method != path:
                raise ApiError(ErrorCode.INVALID_REQUEST, "invalid_request", "path and body name different methods")
            return parsed
        return requests.Request(None, path, _query_params(request))


def _query_params(request: Request) -> dict[str, Any]:
    params: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if name in params:
            raise ApiError(ErrorCode.PARSE_ERROR, "parse_error", f"parameter {name!r} occurs twice")
        params[name] = value
    return params
