"""What stands behind every proxy, on the load core: nginx with objects in memory, a sink for
uploads and an echo for raw TCP. Also the certificate every proxy shows."""
import os
import shutil
import subprocess

from machine import BenchError, accepts, free_ports, wait_until

BENCH = os.path.dirname(os.path.abspath(__file__))
OBJECTS = {"1k": 1024, "64k": 64 << 10, "64m": 64 << 20}

# What a proxy was told to add comes back in the answer's body, for the check of equal terms.
ORIGIN = """
{user}
worker_processes 1;
daemon off;
pid {folder}/origin.pid;
error_log {folder}/origin.log;
worker_rlimit_nofile {descriptors};
events {{ worker_connections {connections}; }}
http {{
    access_log off;
    default_type application/octet-stream;
    sendfile on;
    keepalive_timeout 1h;
    keepalive_requests 1000000000;
    open_file_cache max=16;
    server {{
        listen 127.0.0.1:{ports[0]} backlog=4096;
        listen 127.0.0.1:{ports[1]} backlog=4096;
        root {folder}/objects;
        location = /headers {{
            set $host_and_port "$http_x_forwarded_host|$http_x_forwarded_port";
            return 200 "$http_x_forwarded_for|$http_x_forwarded_proto|$host_and_port|$http_x_real_ip";
        }}
        location /route {{ return 200 "origin"; }}
        location = /port {{ return 200 $server_port; }}
    }}
}}
"""


class Origin:
    """Running servers. Ports: http and its twin other_http, sink, echo. Files: certificate, key, pem (both)."""

    def __init__(self, machine):
        self.objects = write_objects(machine)
        self.certificate, self.key, self.pem = make_certificate(machine)
        self.http, self.other_http = start_nginx(machine)
        self.sink = start_peer(machine, "sink")
        self.echo = start_peer(machine, "echo")


def compile_tools(machine, names=("peer", "load")):
    for name in names:
        argv = ["g++", "-std=c++20", "-O2", os.path.join(BENCH, name + ".cc"), "-o", machine.path(name), "-lssl", "-lcrypto"]
        result = subprocess.run(argv, capture_output=True, text=True, timeout=120)
        if result.returncode != 0:
            raise BenchError(f"{name}.cc does not compile: {result.stderr[:500]}")


def user_line():
    return "user root;" if os.geteuid() == 0 else ""


def nginx_program():
    return shutil.which("nginx") or "/usr/sbin/nginx"


def write_objects(machine):
    os.mkdir(machine.path("objects"))
    objects = {name: os.urandom(size) for name, size in OBJECTS.items()}
    for name, body in objects.items():
        with open(machine.path("objects", name), "wb") as file:
            file.write(body)
    return objects


def make_certificate(machine):
    """ECDSA P-256, self-signed, for `localhost`."""
    certificate, key = machine.path("certificate.pem"), machine.path("key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", key, "-out", certificate, "-days", "30", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True, timeout=30)
    with open(certificate) as first, open(key) as second:
        both = machine.write("both.pem", first.read() + second.read())
    return certificate, key, both


def start_nginx(machine):
    ports = free_ports(2)
    config = machine.write("origin.conf", ORIGIN.format(
        user=user_line(), folder=machine.folder, ports=ports, descriptors=machine.descriptors,
        connections=min(20_000, machine.descriptors - 100)))
    argv = [nginx_program(), "-e", machine.path("origin.log"), "-p", machine.folder, "-c", config]
    child = machine.start(argv, machine.load_core, "origin.log")
    wait_until(lambda: accepts(ports[0]), child, "the origin")
    return ports


def start_peer(machine, mode):
    child = machine.start([machine.path("peer"), mode], machine.load_core, "peer.log", stdout=subprocess.PIPE)
    line = child.stdout.readline()
    if not line.strip().isdigit():
        raise BenchError(f"peer {mode} did not start")
    return int(line)
