"""Figures of Gatehouse alone: start-up and memory with many routes, how soon a changed file is
live, and whether changes under load cost anybody anything."""
import os
import random
import shutil
import socket
import subprocess
import threading
import time

from http_client import connect, fetch
from machine import BenchError
from manifests import bench_manifests, ingress, service, tcp_route
from proxies import run_gatehouse
from scenarios import Row, read_wrk

# What the manifests folder is like: Ingresses in a file; whether each has a Service and an EndpointSlice of its own.
LAYOUTS = {"one a file": (1, False), "100 a file": (100, False), "own Services": (1, True)}
STEADY = "function delay() return 4 end\n"


class Routes:
    """`count` Ingresses in a fresh manifests folder, `per_file` in each file, all of one Service or each of its own."""

    def __init__(self, machine, origin, count, per_file, upstream=None, own_services=False):
        self.folder, self.staging = machine.path("manifests"), machine.path("staging")
        for folder in (self.folder, self.staging):
            shutil.rmtree(folder, ignore_errors=True)
            os.mkdir(folder)
        self.per_file, self.generations = per_file, [0] * count
        self.own_port = (upstream or origin.http) if own_services else None
        self.put("base.yaml", bench_manifests(origin, upstream or origin.http))
        for first in range(0, count, per_file):
            self.put_file_of(first)

    def put(self, name, text):
        """Whole at once, by rename. Returns the moment of the rename."""
        with open(os.path.join(self.staging, name), "w") as file:
            file.write(text)
        moment = time.monotonic()
        os.rename(os.path.join(self.staging, name), os.path.join(self.folder, name))
        return moment

    def remove(self, name):
        os.unlink(os.path.join(self.folder, name))

    def put_file_of(self, number):
        first = number - number % self.per_file
        last = min(first + self.per_file, len(self.generations))
        return self.put(f"routes-{first:05}.yaml", "".join(map(self.objects_of, range(first, last))))

    def objects_of(self, number):
        own = f"service-{number}"
        route = ingress(f"route-{number}", host(number), f"/route/{self.generations[number]}", "Exact",
                        own if self.own_port else "upstream")
        return service(own, self.own_port) + route if self.own_port else route

    def change(self, number):
        """A new path for this route; returns it and the moment."""
        self.generations[number] += 1
        moment = self.put_file_of(number)
        return f"/route/{self.generations[number]}", moment


def host(number):
    return f"h{number}.example"


def count_of(options, full):
    return full // 10 if options.quick else full


def start_up(machine, origin, options):
    count = count_of(options, 10_000)
    for layout, (per_file, own_services) in LAYOUTS.items():
        routes = Routes(machine, origin, count, per_file, own_services=own_services)
        for number in range(3):
            with run_gatehouse(machine, routes.folder, options) as proxy:
                if probe(proxy, count - 1, "/route/0") != 200:
                    raise BenchError("ready, and yet the last route is not there")
            yield Row(f"start-up, {layout}", "gatehouse", number, proxy.start_seconds, "s", notes={"ingresses": count})


def route_memory(machine, origin, options):
    count = count_of(options, 5_000)
    for number in range(3):
        pss = []
        for routes in (0, count):
            with run_gatehouse(machine, Routes(machine, origin, routes, 1).folder, options) as proxy:
                time.sleep(1)
                pss.append(proxy.pss_bytes())
        yield Row("memory of 5,000 routes", "gatehouse", number, (pss[1] - pss[0]) / 1e6 * 5_000 / count, "MB",
                  notes={"pss_bytes": pss, "ingresses": count})


def change_live(machine, origin, options):
    count, changes = count_of(options, 10_000), 20 if options.quick else 100
    chance = random.Random(1)
    for layout, (per_file, own_services) in LAYOUTS.items():
        routes = Routes(machine, origin, count, per_file, own_services=own_services)
        with run_gatehouse(machine, routes.folder, options) as proxy:
            delays = []
            for _ in range(changes):
                time.sleep(chance.uniform(0.1, 0.2))  # at no fixed phase of anything
                number = chance.randrange(count)
                path, moment = routes.change(number)
                delays.append(until_live(proxy, number, path, moment))
        delays.sort()
        for name, share in (("p50", 0.5), ("p99", 0.99)):
            yield Row(f"change live {name}, {layout}", "gatehouse", 0, delays[round(share * (changes - 1))] * 1e3, "ms",
                      notes={"ingresses": count, "changes": changes, "worst_ms": delays[-1] * 1e3})


def until_live(proxy, number, path, moment):
    while (status := probe(proxy, number, path)) == 404:
        if time.monotonic() - moment > 10:
            raise BenchError("a change was not live after 10 s")
        time.sleep(0.0005)
    if status != 200:
        raise BenchError(f"status {status} while a change was awaited")
    return time.monotonic() - moment


def probe(proxy, number, path):
    connection = connect(proxy.web)
    try:
        return fetch(connection, path, headers={"Host": host(number)})[0]
    finally:
        connection.close()


# ---- changes under load ----

class Session(threading.Thread):
    """Four long-lived raw TCP connections, a message on each every few milliseconds."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.sockets = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(4)]
        self.messages = self.failures = 0
        self.stopping = threading.Event()

    def run(self):
        while self.sockets and not self.stopping.wait(0.005):
            for each in list(self.sockets):
                if not self.exchange(each):
                    self.failures += 1
                    self.sockets.remove(each)

    def exchange(self, each):
        sent, got = os.urandom(64), b""
        try:
            each.sendall(sent)
            while len(got) < len(sent) and (piece := each.recv(64)):
                got += piece
        except OSError:
            return False
        self.messages += 1
        return got == sent

    def finish(self):
        self.stopping.set()
        self.join(30)
        for each in self.sockets:
            each.close()


def changes_under_load(machine, origin, options):
    """1,000 changes in a minute, a third each: the loaded host's service, the TCP route's service,
    a route that comes and goes."""
    seconds, changes = (6, 100) if options.quick else (60, 1000)
    routes = Routes(machine, origin, 1000, 1)
    routes.put("services.yaml", service("a", origin.http) + service("b", origin.other_http)
               + service("c", origin.echo) + service("d", origin.echo))
    # Here the loaded host and the TCP route have files of their own.
    text = bench_manifests(origin, origin.http)
    routes.put("base.yaml", text[:text.index("apiVersion: traefik.io")])
    change_one(routes, 0)
    change_one(routes, 1)
    with run_gatehouse(machine, routes.folder, options) as proxy:
        script = machine.write("steady.lua", STEADY)
        loads = [start_wrk(machine, script, url, seconds + 1)
                 for url in (f"http://localhost:{proxy.web}/1k", f"https://localhost:{proxy.websecure}/1k")]
        try:
            session = Session(proxy.tcp)
            session.start()
            took = change_all(routes, changes, seconds)
            results = [read_wrk(load.communicate(timeout=seconds + 30)[0].decode()) for load in loads]
            session.finish()
            path, moment = routes.change(0)
            until_live(proxy, 0, path, moment)  # changes did arrive, to the last
        finally:
            for load in loads:
                machine.stop(load)
    failures = sum(result["failures"] for result in results) + session.failures
    yield Row("failures in route changes", "gatehouse", 0, failures, "failures", p99_ms=max(r["p99_ms"] for r in results),
              rate=sum(result["done"] for result in results) / seconds,
              notes={"changes": changes, "seconds": took, "http": results[0], "https": results[1],
                     "tcp_messages": session.messages, "tcp_failures": session.failures})


def change_all(routes, changes, seconds):
    began = time.monotonic()
    for number in range(changes):
        time.sleep(max(0, began + number * seconds / changes - time.monotonic()))
        change_one(routes, number)
    return time.monotonic() - began


def change_one(routes, number):
    turn, even = number // 3, number // 3 % 2 == 0
    if number % 3 == 0:
        routes.put("loaded.yaml", ingress("loaded", "localhost", "/", service="a" if even else "b", secret="certificate"))
    elif number % 3 == 1:
        routes.put("tcp.yaml", tcp_route("c" if even else "d"))
    elif even:
        routes.put("visitor.yaml", ingress(f"visitor-{turn}", "visitor.example", "/"))
    else:
        routes.remove("visitor.yaml")


def start_wrk(machine, script, url, seconds):
    argv = ["wrk", "-t1", "-c32", f"-d{seconds}s", "--latency", "-s", script, url]
    return machine.start(argv, machine.load_core, "load.log", stdout=subprocess.PIPE)


GATEHOUSE_ALONE = {"start-up": start_up, "route-memory": route_memory, "change-live": change_live,
                   "changes-under-load": changes_under_load}
