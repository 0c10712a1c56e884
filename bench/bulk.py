#!/usr/bin/env python3
"""Bulk load: each of N processes moves 64 MiB bodies over one keep-alive connection until the time
is up, then finishes the body it is in, so that what is counted is what the proxy moved.

bulk.py down|up PORT CONNECTIONS SECONDS [CERTIFICATE]     prints {"done": bytes, "failures", "seconds"}
"""
import json
import multiprocessing
import sys
import time

sys.dont_write_bytecode = True
from http_client import connect, tls_context  # noqa: E402

BODY = 64 << 20
PIECE = 256 << 10


class Pieces:
    """A body given in pieces that are never copied together."""

    def __init__(self):
        self.piece = bytes(range(256)) * (PIECE // 256)

    def __iter__(self):
        return (self.piece for _ in range(BODY // PIECE))


def download(connection, buffer):
    connection.request("GET", "/64m")
    response = connection.getresponse()
    total = 0
    if response.status == 200:
        while got := response.readinto(buffer):
            total += got
    return total


def upload(connection, pieces):
    connection.request("POST", "/upload", iter(pieces), {"Content-Length": str(BODY)})
    response = connection.getresponse()
    answer = response.read()
    return BODY if response.status == 200 and answer.startswith(b"%d " % BODY) else 0


def move(arguments):
    direction, port, seconds, certificate = arguments
    deadline = time.monotonic() + seconds
    done = failures = 0
    connection = connect(port, tls_context(certificate) if certificate else None)
    step, tool = (download, bytearray(PIECE)) if direction == "down" else (upload, Pieces())
    while time.monotonic() < deadline and failures == 0:
        try:
            moved = step(connection, tool)
        except Exception:  # whatever it is, it is a failed transfer
            moved = 0
        done += moved
        failures += moved != BODY
    connection.close()
    return done, failures


def main():
    direction, port, connections, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    certificate = sys.argv[5] if len(sys.argv) > 5 else None
    began = time.monotonic()
    with multiprocessing.Pool(connections) as pool:
        parts = pool.map(move, [(direction, port, seconds, certificate)] * connections, chunksize=1)
    print(json.dumps({"done": sum(done for done, _ in parts), "failures": sum(failed for _, failed in parts),
                      "seconds": time.monotonic() - began}))


main()
