"""The proxies under test, on terms as equal as their settings allow: one worker, keep-alive both
ways, nothing buffered, 64 KiB buffers, the same certificate, TLS 1.3, HTTP/2 for those who ask for
it, the same added fields, no access log. Each listens on `web`, `websecure` and `tcp` and has one upstream behind all three."""
import os
import shutil
import subprocess
import time

from http_client import ready
from machine import BenchError, accepts, cpu_seconds, free_ports, process_tree, pss_bytes, tail, wait_until
from manifests import bench_manifests, gatehouse_settings
from origin import nginx_program, user_line

STREAM_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so"
REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DEFAULT_GATEHOUSE = os.path.join(REPOSITORY, "build", "release", "gatehouse")

NGINX = """
{load_module}
{user}
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
worker_rlimit_nofile {descriptors};
events {{ worker_connections {connections}; }}
http {{
    access_log off;
    keepalive_timeout 1h;
    keepalive_requests {client_requests};
    client_max_body_size 0;
    client_body_buffer_size 64k;
    client_body_temp_path {folder}/nginx-body;
    proxy_temp_path {folder}/nginx-proxy;
    fastcgi_temp_path {folder}/nginx-fastcgi;
    uwsgi_temp_path {folder}/nginx-uwsgi;
    scgi_temp_path {folder}/nginx-scgi;
    upstream service {{
        server 127.0.0.1:{upstream};
        keepalive 256;
        keepalive_requests 1000000000;
        keepalive_timeout 1h;
    }}
    server {{
        listen 127.0.0.1:{web} backlog=4096;
        listen 127.0.0.1:{websecure} ssl http2 backlog=4096;
        ssl_certificate {origin.certificate};
        ssl_certificate_key {origin.key};
        ssl_protocols TLSv1.3;
        location / {{
            proxy_pass http://service;
            proxy_http_version 1.1;
            proxy_buffering off;
            proxy_request_buffering off;
            proxy_buffer_size 64k;
            proxy_buffers 4 64k;
            proxy_busy_buffers_size 64k;
            proxy_read_timeout 10m;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_set_header X-Forwarded-Port $server_port;
            proxy_set_header X-Real-IP $remote_addr;
        }}
    }}
}}
{stream}
"""
NGINX_STREAM = """
stream {{
    server {{ listen 127.0.0.1:{tcp} backlog=4096; proxy_pass 127.0.0.1:{upstream}; proxy_buffer_size 64k; }}
}}
"""
HAPROXY = """
global
    nbthread 1
    maxconn {connections}
    maxpipes 256
    tune.bufsize 65536
    ssl-default-bind-options ssl-min-ver TLSv1.3
defaults
    mode http
    option http-keep-alive
    http-reuse always
    backlog 4096
    timeout connect 5s
    timeout client 10m
    timeout server 10m
    timeout http-request 10m
    timeout http-keep-alive 10m
frontend web
    bind 127.0.0.1:{web}
    bind 127.0.0.1:{websecure} ssl crt {origin.pem} alpn h2,http/1.1
    http-request set-header X-Forwarded-For %[src]
    http-request set-header X-Forwarded-Proto https if {{ ssl_fc }}
    http-request set-header X-Forwarded-Proto http unless {{ ssl_fc }}
    http-request set-header X-Forwarded-Host %[req.hdr(host)]
    http-request set-header X-Forwarded-Port %[dst_port]
    http-request set-header X-Real-IP %[src]
    default_backend service
backend service
    server one 127.0.0.1:{upstream} pool-max-conn -1 pool-purge-delay 1h
listen tcp
    bind 127.0.0.1:{tcp}
    mode tcp
    option splice-auto
    server one 127.0.0.1:{upstream}
"""


class Proxy:
    """A fresh, running proxy. Ports: web, websecure, tcp. start_seconds: from exec to ready."""

    def __init__(self, machine, name, argv, ports, ready, seconds=10):
        self.machine, self.name = machine, name
        self.web, self.websecure, self.tcp = ports[:3]
        self.log = machine.path(f"{name}.log")
        began = time.monotonic()
        self.child = machine.start(argv, machine.proxy_core, f"{name}.log")
        try:
            wait_until(ready, self.child, name, seconds)
        except BenchError as error:
            self.stop()
            raise BenchError(f"{error}: {tail(self.log)}")
        self.start_seconds = time.monotonic() - began

    @property
    def pids(self):
        """Looked for each time: nginx listens before its worker is there."""
        return process_tree(self.child.pid)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def cpu_seconds(self):
        return cpu_seconds(self.pids)

    def pss_bytes(self):
        return pss_bytes(self.pids)

    def stop(self):
        self.machine.stop(self.child)


def start_nginx(machine, origin, upstream, options):
    ports = free_ports(3)
    names = dict(zip(("web", "websecure", "tcp"), ports), upstream=upstream, origin=origin, folder=machine.folder,
                 user=user_line(), descriptors=machine.descriptors, connections=machine.descriptors - 100,
                 client_requests=getattr(options, "client_requests", 1_000_000_000))
    has_stream = os.path.exists(STREAM_MODULE)
    config = machine.write("nginx.conf", NGINX.format(
        load_module=f"load_module {STREAM_MODULE};" if has_stream else "",
        stream=NGINX_STREAM.format(**names) if has_stream else "", **names))
    argv = [nginx_program(), "-e", machine.path("nginx.log"), "-p", machine.folder, "-c", config]
    return Proxy(machine, "nginx", argv, ports, lambda: accepts(ports[1]))


def start_haproxy(machine, origin, upstream, _options):
    ports = free_ports(3)
    config = machine.write("haproxy.cfg", HAPROXY.format(
        **dict(zip(("web", "websecure", "tcp"), ports)), upstream=upstream, origin=origin,
        connections=min(100_000, (machine.descriptors - 700) // 2)))
    argv = [shutil.which("haproxy") or "/usr/sbin/haproxy", "-db", "-f", config]
    return Proxy(machine, "haproxy", argv, ports, lambda: accepts(ports[1]))


def start_gatehouse(machine, origin, upstream, options):
    folder = machine.path("manifests")
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
    machine.write("manifests/bench.yaml", bench_manifests(origin, upstream))
    return run_gatehouse(machine, folder, options)


def run_gatehouse(machine, folder, options, seconds=30):
    """Gatehouse over a folder of manifests, ready when its admin entry point says so."""
    ports = free_ports(4)
    config = machine.write("gatehouse.yaml", gatehouse_settings(ports, folder))
    argv = [os.path.abspath(options.gatehouse), "run", "--config", config]
    return Proxy(machine, "gatehouse", argv, ports, lambda: ready(ports[3]), seconds)


START = {"nginx": start_nginx, "haproxy": start_haproxy, "gatehouse": start_gatehouse}


def can_run(name, options):
    """None, or why this proxy cannot be measured here."""
    if name == "gatehouse":
        return None if os.access(options.gatehouse, os.X_OK) else f"no program at {options.gatehouse}"
    found = shutil.which(name) or os.path.exists(f"/usr/sbin/{name}")
    return None if found else "not installed"


def can_tcp(name):
    return name != "nginx" or os.path.exists(STREAM_MODULE)


def version(name, options):
    argv = {"nginx": [nginx_program(), "-v"], "haproxy": [shutil.which("haproxy") or "/usr/sbin/haproxy", "-v"],
            "gatehouse": [options.gatehouse, "version"]}[name]
    result = subprocess.run(argv, capture_output=True, text=True, timeout=10)
    return ((result.stdout or result.stderr).splitlines() or ["?"])[0].strip()
