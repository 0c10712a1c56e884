"""The real servers behind Gatehouse, and Gatehouse itself: their files, ports, start and readiness."""
import contextlib
import grp
import os
import pwd
import shlex
import socket
import ssl
import string
import sys
import urllib.error
import urllib.request
from pathlib import Path

from processes import Failed, Servers, run

SOURCE = Path(__file__).parent
PEERS = ["page", "blue", "green", "git", "cable", "registry", "minio", "sshd", "pebble", "roots", "names", "records"]
ENTRY_POINTS = ["web", "websecure", "ssh", "admin"]
HOSTS = ["gitlab.example.test", "registry.example.test", "minio.example.test", "pages.example.test"]


class Template(string.Template):
    delimiter = "@"  # `$` belongs to nginx and the shell; `@@` is one `@`


class Demo:
    """What the demo consists of: its folder, its ports by name, its servers. Knows where things are."""

    def __init__(self, folder, program, modules):
        self.folder = folder
        self.program = program
        self.modules = modules  # s3rver's folder
        self.servers = Servers(folder)
        self.ports = free_ports([*(f"{name}_peer" for name in PEERS), *(f"{name}_port" for name in ENTRY_POINTS)])

    def port(self, entry_point):
        return self.ports[f"{entry_point}_port"]

    def url(self, name, path="/"):
        """The HTTPS address of the host `NAME.example.test`."""
        return f"https://{name}.example.test:{self.port('websecure')}{path}"

    @property
    def manifests(self):
        return self.folder / "manifests"

    @property
    def ca(self):
        return self.folder / "ca.pem"

    def client(self, *command, seconds=60, **options):
        """Runs a client inside the demo (see the file `client`) and returns what it printed."""
        return run([self.folder / "client", *command], seconds, **options)

    def start(self):
        self.write_files()
        self.make_repository()
        self.start_peers()
        self.start_gatehouse()
        self.await_certificates()

    def write_files(self):
        for name in ["log", "web", "uploads", "nginx-temp", "repositories", "registry", "minio", "ssh", "manifests"]:
            (self.folder / name).mkdir()
        user = pwd.getpwuid(os.getuid()).pw_name
        group = grp.getgrgid(os.getgid()).gr_name
        # nginx started by root would otherwise give its worker to a user who cannot read the demo's folder.
        nginx_user = f"user {user} {group};" if os.getuid() == 0 else ""
        values = {**self.ports, "folder": self.folder, "user": user, "nginx_user": nginx_user}
        names = ["gatehouse.yaml", "nginx.conf", "registry.yaml", "sshd_config", "ssh_config", "s3cfg", "client",
                 "pebble.json", "browser.html"]
        for name in [*names, *(f"manifests/{file.name}" for file in (SOURCE / "manifests").iterdir())]:
            (self.folder / name).write_text(Template((SOURCE / name).read_text()).substitute(values))
        (self.folder / "client").chmod(0o755)
        (self.folder / "git-users").write_text("demo:{PLAIN}demo\n")
        (self.folder / "hosts").write_text("".join(f"127.0.0.1 {host}\n" for host in HOSTS))
        self.make_ssh_keys()
        self.make_certificate_of_pebble()

    def make_ssh_keys(self):
        ssh = self.folder / "ssh"
        for name in ["host_key", "client_key"]:
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "demo", "-f", ssh / name])
        (ssh / "known_hosts").write_text(f"gitlab.example.test {(ssh / 'host_key.pub').read_text()}")

    def make_certificate_of_pebble(self):
        """What pebble itself shows to ACME clients; who trusts this file trusts nobody else."""
        run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", "7", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
             "-keyout", self.folder / "pebble.key", "-out", self.folder / "pebble.pem"])

    def make_repository(self):
        """A bare repository with one commit, for git over HTTPS and over SSH alike."""
        repository = self.folder / "repositories/group/project.git"
        run(["git", "init", "-q", "--bare", "-b", "main", repository])
        stream = self.folder / "first-commit"
        stream.write_text("commit refs/heads/main\ncommitter Demo <demo@example.test> 0 +0000\ndata 6\nfirst\n\n"
                          "M 100644 inline README.md\ndata 5\ndemo\n\n")
        run(["sh", "-c", f"git -C {shlex.quote(str(repository))} fast-import --quiet < {shlex.quote(str(stream))}"])

    def start_peers(self):
        if os.getuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # sshd run by root refuses to start without it
        start = self.servers.start
        start("fcgiwrap", ["/usr/sbin/fcgiwrap", "-c", "4", "-s", "unix:fcgiwrap.socket"])
        # Relative paths here and in nginx.conf: a socket's path may have 107 bytes, the demo's folder any number.
        start("nginx", ["/usr/sbin/nginx", "-p", f"{self.folder}/", "-e", "log/nginx-error.log", "-c", "nginx.conf"])
        start("cable", [sys.executable, SOURCE / "websocket_echo.py", self.ports["cable_peer"]])
        start("registry", ["docker-registry", "serve", "registry.yaml"])
        start("minio", ["node", SOURCE / "s3_server.js", self.modules / "s3rver", "minio", self.ports["minio_peer"]])
        start("sshd", ["/usr/sbin/sshd", "-D", "-e", "-f", self.folder / "sshd_config"])
        self.start_certificate_authority(start)
        self.servers.wait_ready("fcgiwrap", (self.folder / "fcgiwrap.socket").is_socket)
        servers = {"page": "nginx", "blue": "nginx", "green": "nginx", "git": "nginx", "roots": "pebble",
                   "records": "names"}
        for name in PEERS:
            self.servers.wait_ready(servers.get(name, name), lambda name=name: answers(self.ports[f"{name}_peer"]))
        self.ca.write_bytes(self.root_of_pebble())

    def start_certificate_authority(self, start):
        """pebble, and the name server that tells it that every host is at 127.0.0.1."""
        names, management = (f"127.0.0.1:{self.ports[name]}" for name in ["names_peer", "records_peer"])
        start("names", ["pebble-challtestsrv", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-dns01", names,
                        "-management", management, "-http01", "", "-https01", "", "-tlsalpn01", ""])
        # Without PEBBLE_VA_NOSLEEP it takes up to 15 s to look at a challenge.
        start("pebble", ["env", "PEBBLE_VA_NOSLEEP=1", "pebble", "-config", "pebble.json", "-dnsserver", names])

    def root_of_pebble(self):
        """The root that signs everything pebble issues, made anew at each of its starts."""
        https = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=self.folder / "pebble.pem"))
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}), https)
        return direct.open(f"https://localhost:{self.ports['roots_peer']}/roots/0", timeout=10).read()

    def start_gatehouse(self):
        config = self.folder / "gatehouse.yaml"
        self.gatehouse = self.servers.start("gatehouse", [self.program, "run", "--config", config])
        self.servers.wait_ready("gatehouse", lambda: is_ready(self.port("admin")))

    def await_certificates(self):
        """Until each host shows a certificate of pebble's."""
        try:
            self.servers.wait_ready("gatehouse", lambda: all(map(self.shows_certificate, HOSTS)), 60)
        except Failed as late:
            listed = self.gatehouse_prints("certs", "list")
            pebble = self.servers.log("pebble")
            raise Failed(f"{late}\nA host has no certificate of pebble's (its log: {pebble}):\n{listed}") from None

    def gatehouse_prints(self, *command):
        return run([self.program, *command, "--config", self.folder / "gatehouse.yaml"])

    def shows_certificate(self, host):
        try:
            self.served_certificate(host)
            return True
        except OSError:
            return False

    def served_certificate(self, host):
        """What SSLSocket.getpeercert says of the certificate of `host`; OSError when it does not verify for it."""
        context = ssl.create_default_context(cafile=self.ca)
        with socket.create_connection(("127.0.0.1", self.port("websecure")), timeout=10) as connection:
            with context.wrap_socket(connection, server_hostname=host) as tls:
                return tls.getpeercert()

    def memory(self):
        """Gatehouse's resident memory in MiB: (now, highest so far)."""
        lines = Path(f"/proc/{self.gatehouse.pid}/status").read_text().splitlines()
        sizes = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines if line.startswith(("VmRSS", "VmHWM"))}
        return sizes["VmRSS"], sizes["VmHWM"]


def free_ports(names):
    """A port of 127.0.0.1 for each name, chosen by the system; all are held until each has its own."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in names]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return {name: each.getsockname()[1] for name, each in zip(names, sockets)}


def answers(port):
    """Whether something accepts connections there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def is_ready(admin_port):
    try:
        return DIRECT.open(f"http://127.0.0.1:{admin_port}/ready", timeout=2).status == 200
    except (OSError, urllib.error.URLError):
        return False
