"""Gatehouse beside an API server (the tests' double, as a program of its own on the load core): a
cluster of made-up objects, and writes to it over its API as anybody would make them."""
import http.client
import json
import os
import re
import socket
import subprocess
import time

from http_client import connect, fetch, ready
from machine import BenchError, free_ports, tail
from manifests import bench_manifests, service
from proxies import REPOSITORY, Proxy

DEFAULT_API = os.path.join(REPOSITORY, "build", "release", "tests", "fake_kubernetes")
INGRESSES = "/apis/networking.k8s.io/v1/namespaces/{ns}/ingresses"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/{ns}/endpointslices"
SECRETS = "/api/v1/namespaces/{ns}/secrets"
SETTINGS = """\
entryPoints:
  web: {{address: "127.0.0.1:{ports[0]}"}}
  websecure: {{address: "127.0.0.1:{ports[1]}", http: {{tls: {{}}}}}}
  admin: {{address: "127.0.0.1:{ports[3]}"}}
providers:
  kubernetes: {{kubeconfig: {kubeconfig}, allowLocalAddresses: true}}
log: {{level: debug}}
workers: 1
"""


class Cluster:
    """A running API server full of objects: `sizes` are options of fake_kubernetes."""

    def __init__(self, machine, origin, options, kubeconfig="kubeconfig", **sizes):
        self.machine = machine
        self.kubeconfig = machine.path(kubeconfig)
        argv = [options.api, "--kubeconfig", self.kubeconfig, "--managed-fields", "--network", "127"]
        for name, value in sizes.items():
            argv += [f"--{name}", str(value)]
        real = service("upstream", origin.http)
        argv.append(machine.write("base.yaml", bench_manifests(origin, origin.http)
                                  + real.replace("namespace: bench", "namespace: made-up")))
        self.child = machine.start(argv, machine.load_core, "api.log", subprocess.PIPE, subprocess.PIPE)
        url = self.child.stdout.readline().decode().strip()
        if not url:
            raise BenchError(f"fake_kubernetes did not start: {tail(machine.path('api.log'))}")
        self.port = int(url.rsplit(":", 1)[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.machine.stop(self.child)

    def change(self, rate):
        """From now on so many made-up objects a second are others."""
        self.child.stdin.write(f"{rate}\n".encode())
        self.child.stdin.flush()

    def call(self, method, path, body=None, kind="application/json"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body and json.dumps(body), {"Content-Type": kind})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status not in (200, 201):
            raise BenchError(f"{method} {path}: {answer.status} {text[:200]}")
        return json.loads(text)

    def get(self, path):
        return self.call("GET", path)

    def patch(self, path, change):
        return self.call("PATCH", path, change, "application/merge-patch+json")


class Member(Proxy):
    """A fresh Gatehouse that has synced. start_seconds: from exec to 200 on /ready."""

    def __init__(self, machine, cluster, options, seconds=60):
        ports = free_ports(4)
        self.admin = ports[3]
        settings = machine.write("cluster.yaml", SETTINGS.format(ports=ports, kubeconfig=cluster.kubeconfig))
        if os.path.exists(log := machine.path("gatehouse.log")):
            os.unlink(log)
        argv = [options.gatehouse, "run", "--config", settings]
        super().__init__(machine, "gatehouse", argv, ports, lambda: ready(self.admin), seconds)

    def builds(self):
        """Milliseconds that each translation so far took, as the log tells."""
        with open(self.log, errors="replace") as file:
            return [float(each) for each in re.findall(r"routes in force: generation \d+, in ([\d.]+) ms", file.read())]

    def rss_bytes(self):
        with open(f"/proc/{self.child.pid}/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS"))


class Watch:
    """A watch of our own on one object: when its change could be heard by anybody."""

    def __init__(self, cluster, collection, name, version):
        self.socket = socket.create_connection(("127.0.0.1", cluster.port), 10)
        target = f"{collection}?watch=1&fieldSelector=metadata.name%3D{name}&resourceVersion={version}"
        self.socket.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        while b"\r\n\r\n" not in (head := self.socket.recv(4096)):
            pass
        if b" 200 " not in head:
            raise BenchError(f"watch: {head[:200]}")
        self.socket.setblocking(False)

    def heard(self):
        try:
            return b'"type"' in self.socket.recv(1 << 20)
        except BlockingIOError:
            return False

    def close(self):
        self.socket.close()


class Writer:
    """A write on a connection that is open already; its answer is read later."""

    def __init__(self, cluster):
        self.connection = connect(cluster.port)

    def send(self, path, change):
        self.connection.request("PATCH", path, json.dumps(change), {"Content-Type": "application/merge-patch+json"})
        return time.monotonic()

    def finish(self):
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise BenchError(f"PATCH: {answer.status} {text[:200]}")


class Asker:
    """Asks one host for a path again and again on a keep-alive connection."""

    def __init__(self, port, host):
        self.connection, self.host = connect(port), host

    def ask(self, path):
        return fetch(self.connection, path, headers={"Host": self.host})

    def close(self):
        self.connection.close()
