"""The scenarios all proxies go through: each checks a fresh proxy, warms it up, then counts."""
import hashlib
import json
import os
import re
import subprocess
import sys
import time
import zlib
from dataclasses import dataclass, field

from http_client import connect, fetch_ok, tls_context
from machine import BenchError
from origin import BENCH
from proxies import START

GIB = 1 << 30


@dataclass
class Row:
    """One measured value. `foreign` is the share of the proxy's core that others used meanwhile."""
    scenario: str
    proxy: str
    round: int
    value: float
    unit: str
    rate: float = 0
    cpu: float = 0
    p99_ms: float = 0
    foreign: float = 0
    failures: int = 0
    notes: dict = field(default_factory=dict)


# ---- loads: each returns {"done", "failures", "seconds"} and perhaps "p99_ms" ----

def wrk(path, *headers, tls=False):
    def load(machine, proxy, origin, seconds):
        url = f"https://localhost:{proxy.websecure}{path}" if tls else f"http://localhost:{proxy.web}{path}"
        fields = [word for each in headers for word in ("-H", each)]
        return run_wrk(machine, ["-c64", f"-d{max(1, round(seconds))}s", *fields, url], seconds)
    return load


def run_wrk(machine, arguments, seconds):
    return read_wrk(machine.run_load(["wrk", "-t1", "--latency", *arguments], seconds))


def read_wrk(output):
    total = re.search(r"(\d+) requests in ([\d.]+)(s|m)", output)
    worst = re.search(r"99%\s+([\d.]+)(us|ms|s|m)", output)
    if not total or not worst:
        raise BenchError(f"wrk said: {output[:300]}")
    done, duration, minutes = total.groups()
    p99, unit = worst.groups()
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    failures = sum(map(int, errors.groups())) if errors else 0
    failures += int(refused.group(1)) if refused else 0
    milliseconds = float(p99) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60_000}[unit]
    return {"done": int(done), "failures": failures, "seconds": float(duration) * (60 if minutes == "m" else 1), "p99_ms": milliseconds}


def h2load(path, connections, streams, unit):
    """`unit` is what is counted: "requests" or "bytes". Windows are wide, so that none of them is what is measured."""
    def load(machine, proxy, origin, seconds):
        return read_h2load(machine.run_load(
            ["h2load", "-t1", f"-c{connections}", f"-m{streams}", "-w24", "-W26", f"-D{max(1, round(seconds))}",
             f"--connect-to=127.0.0.1:{proxy.websecure}", f"https://localhost:{proxy.websecure}{path}"], seconds), unit)
    return load


def read_h2load(output, unit):
    finished = re.search(r"finished in ([\d.]+)(ms|s)", output)
    requests = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", output)
    data = re.search(r"\((\d+)\) data", output)
    if not finished or not requests or not data or "Application protocol: h2\n" not in output:
        raise BenchError(f"h2load said: {output[:600]}")
    succeeded, *failures = map(int, requests.groups())
    done = succeeded if unit == "requests" else int(data.group(1))
    return {"done": done, "failures": sum(failures), "seconds": float(finished.group(1)) / (1000 if finished.group(2) == "ms" else 1)}


def tool(mode, port_name, connections):
    def load(machine, proxy, origin, seconds):
        port = getattr(proxy, port_name)
        argv = [machine.path("load"), mode, str(port), str(connections), str(seconds)]
        return json.loads(machine.run_load(argv, seconds))
    return load


def bulk(direction, port_name, tls=False, connections=4):
    def load(machine, proxy, origin, seconds):
        argv = [sys.executable, os.path.join(BENCH, "bulk.py"), direction, str(getattr(proxy, port_name)),
                str(connections), str(seconds)] + ([origin.certificate] if tls else [])
        return json.loads(machine.run_load(argv, seconds))
    return load


# ---- checks of a fresh proxy: right bodies, right fields, right TLS ----

def check_web(proxy, origin):
    connection = connect(proxy.web)
    check_bodies(connection, origin, ("1k", "64k"))
    check_fields(connection, "http", proxy.web)
    connection.close()


def check_tls(proxy, origin):
    connection = connect(proxy.websecure, tls_context(origin.certificate))
    if connection.sock.version() != "TLSv1.3":
        raise BenchError(f"speaks {connection.sock.version()}, not TLSv1.3")
    check_bodies(connection, origin, ("1k", "64k"))
    check_fields(connection, "https", proxy.websecure)
    notes = {"cipher": connection.sock.cipher()[0]}
    connection.close()
    return notes


def check_bodies(connection, origin, names):
    for name in names:
        if hashlib.sha256(fetch_ok(connection, "/" + name)).digest() != hashlib.sha256(origin.objects[name]).digest():
            raise BenchError(f"/{name} arrives altered")


def check_fields(connection, scheme, port):
    check_heard(fetch_ok(connection, "/headers"), scheme, port)


def check_heard(answer, scheme, port):
    """What the upstream heard in X-Forwarded-For, -Proto, -Host, -Port and X-Real-IP."""
    heard = answer.decode().split("|")
    expected = ["127.0.0.1", scheme, ("localhost", f"localhost:{port}"), str(port), "127.0.0.1"]
    if not all(got in want if isinstance(want, tuple) else got == want for got, want in zip(heard, expected)):
        raise BenchError(f"the upstream heard {heard}, expected {expected}")


def check_download(port_name, tls=False):
    def check(proxy, origin):
        connection = connect(getattr(proxy, port_name), tls_context(origin.certificate) if tls else None)
        check_bodies(connection, origin, ("1k", "64m"))
        connection.close()
    return check


def check_upload(port_name, tls=False):
    def check(proxy, origin):
        connection = connect(getattr(proxy, port_name), tls_context(origin.certificate) if tls else None)
        body = origin.objects["64m"]
        answer = fetch_ok(connection, "/upload", body, {"X-Check": "1"}).decode().split()
        if answer != [str(len(body)), str(zlib.adler32(body))]:
            raise BenchError(f"an upload arrives altered: {answer}")
        connection.close()
    return check


def check_http2(*names):
    """By curl: Python has no HTTP/2."""
    def check(proxy, origin):
        for name in names:
            if hashlib.sha256(curl_http2(proxy, origin, name)).digest() != hashlib.sha256(origin.objects[name]).digest():
                raise BenchError(f"/{name} arrives altered")
        check_heard(curl_http2(proxy, origin, "headers"), "https", proxy.websecure)
    return check


def curl_http2(proxy, origin, name):
    url = f"https://localhost:{proxy.websecure}/{name}"
    argv = ["curl", "-sS", "--http2", "--tlsv1.3", "--cacert", origin.certificate, "--resolve",
            f"localhost:{proxy.websecure}:127.0.0.1", "-w", "%{stderr}%{http_version} %{response_code}", url]
    result = subprocess.run(argv, capture_output=True, timeout=30)
    if result.stderr != b"2 200":
        raise BenchError(f"curl for /{name}: {result.stderr.decode()[:200]}")
    return result.stdout


def check_nothing(_proxy, _origin):
    """For loads that compare every byte themselves."""


# ---- the table ----

@dataclass
class Scenario:
    unit: str
    scale: float  # seconds of CPU for each thing done, times this, is in `unit`
    check: object
    load: object
    upstream: str = "http"
    tcp: bool = False
    extra: bool = False  # runs only when asked for by name


SCENARIOS = {
    "http1": Scenario("us/req", 1e6, check_web, wrk("/1k")),
    "https1": Scenario("us/req", 1e6, check_tls, wrk("/1k", tls=True)),
    "h2": Scenario("us/req", 1e6, check_http2("1k", "64k"), h2load("/1k", 16, 32, "requests")),
    "handshake": Scenario("us/conn", 1e6, check_tls, tool("handshake", "websecure", 64)),
    "http-down": Scenario("ms/GiB", 1e3 * GIB, check_download("web"), bulk("down", "web")),
    "https-down": Scenario("ms/GiB", 1e3 * GIB, check_download("websecure", tls=True), bulk("down", "websecure", tls=True)),
    "http-up": Scenario("ms/GiB", 1e3 * GIB, check_upload("web"), bulk("up", "web"), upstream="sink"),
    "https-up": Scenario("ms/GiB", 1e3 * GIB, check_upload("websecure", tls=True), bulk("up", "websecure", tls=True),
                         upstream="sink"),
    "h2-down": Scenario("ms/GiB", 1e3 * GIB, check_http2("1k", "64m"), h2load("/64m", 4, 1, "bytes")),
    "tcp-down": Scenario("ms/GiB", 1e3 * GIB, check_download("tcp"), bulk("down", "tcp"), tcp=True),
    "tcp-up": Scenario("ms/GiB", 1e3 * GIB, check_upload("tcp"), bulk("up", "tcp"), upstream="sink", tcp=True),
    "tcp-ping": Scenario("us/msg", 1e6, check_nothing, tool("ping", "tcp", 64), upstream="echo", tcp=True),
    "idle": Scenario("KiB/conn", 1 / 1024, check_tls, None),
    "resumption": Scenario("us/conn", 1e6, check_tls, wrk("/1k", "Connection: close", tls=True), extra=True),
    "http1-64k": Scenario("us/req", 1e6, check_web, wrk("/64k"), extra=True),
    "https1-64k": Scenario("us/req", 1e6, check_tls, wrk("/64k", tls=True), extra=True),
    "h2-64k": Scenario("us/req", 1e6, check_http2("64k"), h2load("/64k", 16, 32, "requests"), extra=True),
    "h2-one-by-one": Scenario("us/req", 1e6, check_http2("1k"), h2load("/1k", 64, 1, "requests"), extra=True),
}


def measure(machine, origin, name, proxy_name, round_number, options):
    """One scenario on one fresh proxy: a Row."""
    scenario = SCENARIOS[name]
    with START[proxy_name](machine, origin, getattr(origin, scenario.upstream), options) as proxy:
        notes = scenario.check(proxy, origin) or {}
        if name == "idle":
            return measure_idle(machine, origin, proxy, round_number, options, notes)
        scenario.load(machine, proxy, origin, 0.5 if options.quick else 1)
        cpu, busy, began = proxy.cpu_seconds(), machine.core_busy_seconds(machine.proxy_core), time.monotonic()
        result = scenario.load(machine, proxy, origin, options.seconds)
        elapsed = time.monotonic() - began
        cpu = proxy.cpu_seconds() - cpu
        busy = machine.core_busy_seconds(machine.proxy_core) - busy
    if result["done"] == 0:
        raise BenchError(f"nothing was done, {result['failures']} failures")
    in_gib = GIB if scenario.unit == "ms/GiB" else 1
    return Row(name, proxy_name, round_number, cpu / result["done"] * scenario.scale, scenario.unit,
               rate=result["done"] / in_gib / result["seconds"], cpu=cpu / elapsed, p99_ms=result.get("p99_ms", 0),
               foreign=max(0, (busy - cpu) / elapsed), failures=result["failures"], notes=notes)


def measure_idle(machine, origin, proxy, round_number, options, notes):
    """Slope of memory between few and many idle TLS connections, each after one request."""
    many = min(1000 if options.quick else 5000, machine.descriptors - 1000)
    few = many // 5
    context = tls_context(origin.certificate)
    connections = []
    pss = [proxy.pss_bytes()]
    try:
        for goal in (few, many):
            while len(connections) < goal:
                connections.append(connect(proxy.websecure, context))
                fetch_ok(connections[-1], "/1k")
            time.sleep(1)  # what is released when idle, is released now
            pss.append(proxy.pss_bytes())
        for connection in connections[::many // 20]:
            fetch_ok(connection, "/1k")  # they must have been kept
    finally:
        for connection in connections:
            connection.close()
    slope = (pss[2] - pss[1]) / (many - few)
    return Row("idle", proxy.name, round_number, slope / 1024, "KiB/conn", rate=0,
               notes=dict(notes, pss_bytes=pss, connections=[0, few, many]))
