"""A proxy before a real server that can be told to be away, slow, broken, or to break off at a chosen request."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_HOP = {"connection", "transfer-encoding", "content-length", "host", "keep-alive"}


class FaultyProxy:
    """Before the server at ``port`` of loopback.

    Attributes:
        mode: ``pass``, ``away`` (connections end without an answer), ``slow`` (no answer until the mode changes) or
            ``500``.
        until: what a request's line holds from which on ``then`` is the mode; None: nothing changes.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.mode = "pass"
        self.until: str | None = None
        self.then = "away"
        self.seen: list[str] = []
        self._changed = threading.Event()
        self._lock = threading.Lock()

    def set(self, mode: str, until: str | None = None, then: str = "away") -> None:
        with self._lock:
            self.mode, self.until, self.then = mode, until, then
            self._changed.set()
            self._changed = threading.Event()

    def mode_of(self, line: str) -> tuple[str, threading.Event]:
        """What happens to this request."""
        with self._lock:
            self.seen.append(line)
            if self.until is not None and self.until in line:
                self.mode, self.until = self.then, None
            return self.mode, self._changed

    @contextmanager
    def running(self) -> Iterator[str]:
        """Its URL."""
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _handle(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                mode, changed = proxy.mode_of(self.requestline)
                if mode == "slow":
                    changed.wait(60)
                if mode == "500":
                    self._answer(500, {"Content-Type": "text/plain"}, b"Internal Server Error")
                elif mode == "pass":
                    self._answer(*self._forward(body))
                else:
                    self.close_connection = True

            def _forward(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
                server = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=60)
                headers = {key: value for key, value in self.headers.items() if key.lower() not in _HOP}
                server.request(self.command, self.path, body, headers)
                answer = server.getresponse()
                found = answer.read()
                server.close()
                return answer.status, {k: v for k, v in answer.getheaders() if k.lower() not in _HOP}, found

            def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
                self.send_response(status)
                for key, value in headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _handle

            def log_message(self, *_: Any) -> None: ...

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            self.set("away")
            server.shutdown()
            server.server_close()
            thread.join()
