#!/usr/bin/python3
"""A gRPC server of bytes, for tests: says its port on standard output and serves until standard input ends."""
import sys
import threading
from concurrent import futures

import grpc

cancelled = threading.Event()


def unary(request, context):
    context.set_trailing_metadata((("x-trailer", "unary"),))
    return b"echo " + request


def server_stream(request, _):
    for i in range(int(request)):
        yield b"%d" % i


def client_stream(requests, _):
    return b"%d" % sum(len(r) for r in requests)


def both(requests, _):
    for request in requests:  # each is answered before the next one comes
        yield b"got " + request


def fail(_, context):
    context.abort(grpc.StatusCode.NOT_FOUND, "no such thing")


def wait(_, context):
    context.add_callback(cancelled.set)
    context.send_initial_metadata(())  # so that the client knows that the call is here
    if not cancelled.wait(20):
        return b"never cancelled"
    return b""


def was_cancelled(_, __):
    return b"yes" if cancelled.wait(20) else b"no"


class Echo(grpc.GenericRpcHandler):
    def service(self, details):
        return {
            "/test.Echo/Unary": grpc.unary_unary_rpc_method_handler(unary),
            "/test.Echo/ServerStream": grpc.unary_stream_rpc_method_handler(server_stream),
            "/test.Echo/ClientStream": grpc.stream_unary_rpc_method_handler(client_stream),
            "/test.Echo/Both": grpc.stream_stream_rpc_method_handler(both),
            "/test.Echo/Fail": grpc.unary_unary_rpc_method_handler(fail),
            "/test.Echo/Wait": grpc.unary_unary_rpc_method_handler(wait),
            "/test.Echo/WasCancelled": grpc.unary_unary_rpc_method_handler(was_cancelled),
        }.get(details.method)


server = grpc.server(futures.ThreadPoolExecutor(max_workers=32))
server.add_generic_rpc_handlers((Echo(),))
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
sys.stdin.read()
server.stop(None)
