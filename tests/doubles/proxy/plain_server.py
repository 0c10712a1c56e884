#!/usr/bin/python3
"""An HTTP/1.1 server of a few bytes, for tests: says its port on standard output and serves until standard input ends."""
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(b"a page of some bytes\n" * 5)

    def do_POST(self):
        self.answer(b"%d bytes came\n" % self.body_size())

    do_HEAD = do_GET

    def body_size(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return len(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        total = 0
        while size := int(self.rfile.readline(), 16):
            total += len(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers
        return total

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """Requests that break off are what tests send."""


server = Server(("127.0.0.1", 0), Answer)
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
