"""An HTTP request as a Function URL hands it to its function: the payload format 2.0."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from typing import Any

from aiohttp import web

#: Bodies of these types travel as text, any other as base64.
_TEXT_TYPES = ("text/", "application/json", "application/xml", "application/javascript", "application/x-ndjson")


async def to_event(request: web.Request, *, request_id: str) -> bytes:
    """Return the JSON that the function receives for *request*."""
    body = await request.read()
    path, _, query = request.raw_path.partition("?")
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": _headers(request),
        "requestContext": _context(request, path, request_id),
        **_body(body, request.headers.get("content-type", "")),
    }
    if cookies := request.headers.getall("cookie", []):
        event["cookies"] = [cookie.strip() for line in cookies for cookie in line.split(";")]
    if query:
        event["queryStringParameters"] = {
            name: ",".join(request.query.getall(name)) for name in dict.fromkeys(request.query)
        }
    return json.dumps(event).encode()


def response_headers(prelude: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the HTTP headers that a prelude asks for; the connection's own are left to the server."""
    headers = [(name, str(value)) for name, value in prelude.get("headers", {}).items()]
    cookies = [("set-cookie", cookie) for cookie in prelude.get("cookies", [])]
    own = {"connection", "content-length", "date", "server", "transfer-encoding"}
    return [header for header in headers if header[0].lower() not in own] + cookies


def _headers(request: web.Request) -> dict[str, str]:
    names = dict.fromkeys(name.lower() for name in request.headers)
    forwarded = {
        "x-forwarded-for": request.remote or "127.0.0.1",
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
    }
    return {name: ",".join(request.headers.getall(name)) for name in names if name != "cookie"} | forwarded


def _context(request: web.Request, path: str, request_id: str) -> dict[str, Any]:
    return {
        "accountId": "anonymous",
        "apiId": "testurl",
        "domainName": request.host,
        "domainPrefix": "testurl",
        "http": {
            "method": request.method,
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": request.remote or "127.0.0.1",
            "userAgent": request.headers.get("user-agent", ""),
        },
        "requestId": request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime()),
        "timeEpoch": int(time.time() * 1000),
    }


def _body(body: bytes, content_type: str) -> dict[str, Any]:
    if not body:
        return {"isBase64Encoded": False}
    if content_type.startswith(_TEXT_TYPES):
        return {"body": body.decode(), "isBase64Encoded": False}
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
