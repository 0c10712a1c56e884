"""Small HTTP requests to 127.0.0.1 with host `localhost`, over plain or verified TLS 1.3."""
import http.client
import socket
import ssl

from machine import BenchError

TIMEOUT = 10


def tls_context(certificate):
    context = ssl.create_default_context(cafile=certificate)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def connect(port, context=None):
    """A keep-alive connection that is already open."""
    connection = http.client.HTTPConnection("localhost", port)
    connection.auto_open = 0  # a connection the proxy closed is a failure, not a reason to dial again
    connection.sock = socket.create_connection(("127.0.0.1", port), TIMEOUT)
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if context:
        connection.sock = context.wrap_socket(connection.sock, server_hostname="localhost")
    return connection


def fetch(connection, path, body=None, headers=None):
    """Status and body of one exchange on an open connection."""
    connection.request("POST" if body is not None else "GET", path, body, headers or {})
    response = connection.getresponse()
    return response.status, response.read()


def fetch_ok(connection, path, body=None, headers=None):
    status, answer = fetch(connection, path, body, headers)
    if status != 200:
        raise BenchError(f"{path}: status {status}")
    return answer


def ready(admin_port):
    try:
        connection = connect(admin_port)
        try:
            return fetch(connection, "/ready")[0] == 200
        finally:
            connection.close()
    except (OSError, http.client.HTTPException):
        return False
