"""A web server of static files on loopback, as a publisher has it elsewhere."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@contextmanager
def published(folder: Path, tls: ssl.SSLContext | None = None) -> Iterator[ThreadingHTTPServer]:
    """Serve a folder, over HTTPS where there is a certificate."""
    with _Files(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


class _Files(ThreadingHTTPServer):
    daemon_threads = True


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        """pytest's output is no access log."""
