#!/usr/bin/python3
"""Calls the server of grpc_server.py by the address given and says line by line what came of it. By TLS if a file with
the certificate of a.example is given too."""
import queue
import sys

import grpc



def channel_to(address, trusted=None):
    options = [("grpc.default_authority", "a.example"), ("grpc.ssl_target_name_override", "a.example")]
    if not trusted:
        return grpc.insecure_channel(address, options)
    with open(trusted, "rb") as file:
        return grpc.secure_channel(address, grpc.ssl_channel_credentials(file.read()), options)


channel = channel_to(*sys.argv[1:])
limit = 20


def say(*words):
    print(*words, flush=True)


answer, call = channel.unary_unary("/test.Echo/Unary").with_call(b"hello", timeout=limit)
say("unary", answer.decode(), call.code().name, dict(call.trailing_metadata())["x-trailer"])

big = b"x" * (3 << 20)
answer = channel.unary_unary("/test.Echo/Unary", None, None)(big, timeout=limit)
say("large", len(answer))

say("server stream", sum(int(a) for a in channel.unary_stream("/test.Echo/ServerStream")(b"1000", timeout=limit)))

say("client stream", channel.stream_unary("/test.Echo/ClientStream")(
    iter([b"y" * 10000] * 100), timeout=limit).decode())

# Each message is sent only when the answer to the one before has come.
wanted = queue.Queue()
answers = channel.stream_stream("/test.Echo/Both")(iter(wanted.get, None), timeout=limit)
for word in (b"one", b"two", b"three"):
    wanted.put(word)
    say("both", next(answers).decode())
wanted.put(None)
say("both end", list(answers), answers.code().name)


def failing(path, **options):
    try:
        channel.unary_unary(path)(b"", **{"timeout": limit, **options})
        say(path, "succeeded")
    except grpc.RpcError as error:
        say(path, error.code().name, error.details())


failing("/test.Echo/Fail")
failing("/test.Echo/Unknown")
failing("/nowhere.Echo/Unary")

# What is cancelled here is noticed there at once. Asked as for a stream: of a single answer the head is told only with
# the answer, or when the deadline has passed.
waiting = channel.unary_stream("/test.Echo/Wait")(b"", timeout=limit)
waiting.initial_metadata()  # it has come to the server: what is cancelled before may never get there
waiting.cancel()
say("cancelled", channel.unary_unary("/test.Echo/WasCancelled")(b"", timeout=limit).decode())
