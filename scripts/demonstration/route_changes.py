"""One check large enough for a file: routes change in the manifests directory while nothing else may notice."""
import http.client
import os
import socket
import ssl
import subprocess
import threading

from processes import Failed, wait_until

INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: changing, namespace: demo}
spec:
  ingressClassName: gatehouse
  rules:
    - host: pages.example.test
      http: {paths: [{path: /changing, pathType: Prefix, backend: {service: {name: NAME, port: {name: http}}}}]}
"""


def routes_change_under_load(demo):
    """Adds, changes and removes a route under load; returns a summary, raises Failed on any cut or failed request."""
    manifest = demo.manifests / "changing.yaml"
    expect_answer(demo, (404, None), "before the route is there")
    with SshSession(demo), Load(demo, keep_alive=True) as kept, Load(demo, keep_alive=False) as fresh:
        for action, answer in [
            (lambda: replace(manifest, INGRESS.replace("NAME", "blue")), (200, b"blue\n")),
            (lambda: replace(manifest, INGRESS.replace("NAME", "green")), (200, b"green\n")),
            (manifest.unlink, (404, None)),
        ]:
            seen = kept.done, fresh.done
            action()
            expect_answer(demo, answer, "after the manifest changed")
            wait_until(lambda: kept.done > seen[0] + 20 and fresh.done > seen[1] + 20, 20, "requests go on after a change")
    return f"added, changed, removed; {kept.done + fresh.done} requests meanwhile, none failed"


def replace(path, text):
    """Writes a file as careful tools do: whole, under another name, then renamed."""
    draft = path.with_name(f".{path.name}.new")
    draft.write_text(text)
    os.replace(draft, path)


def expect_answer(demo, wanted, when):
    """Waits until /changing answers so: (status, body or None for any)."""
    status, body = wanted

    def as_wanted():
        with Connection(demo, "pages.example.test") as connection:
            seen = connection.ask("/changing")
            return seen[0] == status and body in (None, seen[1])

    wait_until(as_wanted, 10, f"/changing answers {status} {body or ''} {when}")


class Connection(http.client.HTTPSConnection):
    """Verified HTTPS to a host of the demo: its name in SNI and Host, 127.0.0.1 as address."""

    def __init__(self, demo, host):
        context = ssl.create_default_context(cafile=demo.ca)
        super().__init__(host, demo.port("websecure"), timeout=10, context=context)
        self.verified = context

    def connect(self):
        plain = socket.create_connection(("127.0.0.1", self.port), self.timeout)
        self.sock = self.verified.wrap_socket(plain, server_hostname=self.host)

    def ask(self, path):
        self.request("GET", path)
        answer = self.getresponse()
        return answer.status, answer.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Load:
    """Requests to gitlab.example.test, one after the other from its own thread, until the end of the `with`."""

    def __init__(self, demo, keep_alive):
        self.demo = demo
        self.keep_alive = keep_alive
        self.done = 0
        self.failures = []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        connection = Connection(self.demo, "gitlab.example.test")
        while not self.stopping.is_set():
            try:
                status, body = connection.ask("/load")
                if status != 200 or not body.startswith(b"Gatehouse demo"):
                    self.failures.append(f"{status} {body[:40]!r}")
            except (OSError, http.client.HTTPException) as problem:
                self.failures.append(f"{type(problem).__name__}: {problem}")
                connection.close()
            self.done += 1
            if not self.keep_alive:
                connection.close()
        connection.close()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.stopping.set()
        self.thread.join(15)
        if kind is None and (self.failures or self.thread.is_alive()):
            raise Failed(f"{len(self.failures)} of {self.done} requests failed: {self.failures[:1] or 'one hangs'}")


class SshSession:
    """A git session over SSH, open during the `with`: the server has spoken, and must still listen at the end."""

    def __init__(self, demo):
        command = [demo.folder / "client", "ssh", "-F", demo.folder / "ssh_config", "gitlab.example.test",
                   "git-upload-pack 'group/project.git'"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        start_new_session=True)

    def __enter__(self):
        limit = threading.Timer(60, self.process.kill)
        limit.daemon = True
        limit.start()
        self.limit = limit
        if not self.process.stdout.readline():
            raise Failed("git-upload-pack over ssh said nothing")
        return self

    def __exit__(self, kind, *_):
        try:
            self.process.communicate(b"0000", timeout=10)  # flush: wants nothing, so the server ends well
        except subprocess.TimeoutExpired:
            pass
        finally:
            self.process.kill()
            self.limit.cancel()
        if kind is None and self.process.wait() != 0:
            raise Failed(f"the open SSH session ended with {self.process.returncode}")
