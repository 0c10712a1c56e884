"""What --check proves, each by a real client. A check returns what it saw, for its line, or raises Failed; or LeftOut where
its client is not there."""
import asyncio
import gzip
import hashlib
import io
import json
import shutil
import socket
import ssl
import tarfile

import websockets

from peers import HOSTS
from processes import Failed, LeftOut, wait_until
from route_changes import routes_change_under_load

MIB = 1024 * 1024


def certificates_come_by_ACME(demo):
    """Each host shows a certificate that leads to pebble's root and is for it; `gatehouse certs list` says the same."""
    listed = json.loads(demo.gatehouse_prints("certs", "list", "--output", "json"))
    expect({tuple(one["names"]): one["state"] for one in listed}, {(host,): "valid" for host in HOSTS}, "certs list")
    issuers = set()
    for host in HOSTS:
        certificate = demo.served_certificate(host)
        expect(certificate["subjectAltName"], (("DNS", host),), f"the names in the certificate of {host}")
        issuers.add(dict(pair for part in certificate["issuer"] for pair in part)["commonName"])
    if not all(issuer.startswith("Pebble ") for issuer in issuers):
        raise Failed(f"issued by {issuers}, not by pebble")
    return f"{len(HOSTS)} hosts, verified to pebble's root, issued by {', '.join(issuers)}"


def page_through_redirect(demo):
    """http:// leads to https:// on websecure's own port, and the page knows that the client came by https."""
    answer = demo.client("curl", "-sSfL", "--max-time", 20, "-w", "%{num_redirects} %{url_effective}",
                         f"http://gitlab.example.test:{demo.port('web')}/a%2Fb?c=d;e")
    body, _, rest = answer.rpartition("\n")
    expect(rest, f"1 {demo.url('gitlab', '/a%2Fb?c=d;e')}", "redirects and the address arrived at")
    expect(body, f"Gatehouse demo: you came by https to gitlab.example.test:{demo.port('websecure')}", "the page")
    return "one redirect, verified TLS"


def chunked_upload(demo):
    """An upload of unknown length (chunked, Expect: 100-continue) arrives whole and comes back whole."""
    sent = demo.folder / "upload"
    digest = write_pattern(sent, 16)
    url = demo.url("gitlab", "/uploads/file")
    demo.client("sh", "-c", 'exec curl -sSf --max-time 40 -T - "$1" < "$2"', "sh", url, sent)
    demo.client("curl", "-sSf", "--max-time", 40, "-o", demo.folder / "upload-back", url)
    expect(sha256(demo.folder / "upload-back"), digest, "SHA-256 of what came back")
    return "16 MiB without a length, same SHA-256"


def git_over_https(demo):
    """Clone, then push 4 MiB as the named user, in either version of HTTP: git asks without a name and hears 401 first."""
    for version in ["HTTP/1.1", "HTTP/2"]:
        name = version.replace("/", "-")
        clone = clone_and_push(demo, name, demo.url("gitlab", "/group/project.git"), "-c", f"http.version={version}")
        spoken = "HTTP/2.0" if version == "HTTP/2" else version
        pushes = logged(demo, method="POST", target="/group/project.git/git-receive-pack", protocol=spoken, status=200)
        expect(max(push["bytesIn"] for push in pushes) > 4 * MIB, True, f"a push of 4 MiB by {version} in the access log")
        demo.client("git", "-C", clone, "push", accept=(128,))  # without a name: refused
    return "cloned, pushed 4 MiB, by HTTP/1.1 and by HTTP/2"


def git_over_ssh(demo):
    """Clone and push through the SSH entry point, in the same repository as over HTTPS."""
    clone = clone_and_push(demo, "ssh", "gitlab.example.test:group/project.git")
    pushed = git(demo, clone, "rev-parse", "HEAD").strip()
    seen = demo.client("git", "ls-remote", demo.url("gitlab", "/group/project.git"), "refs/heads/main").split()[0]
    expect(seen, pushed, "the commit HTTPS sees after a push over SSH")
    return "cloned, pushed 4 MiB, HTTPS sees the same commit"


def ssh_port_speaks_first(demo):
    """The SSH port sends the server's banner to a client that says HTTP, and to one that says nothing."""
    port = demo.port("ssh")
    plain = demo.client("curl", "-sS", "--max-time", 10, f"http://127.0.0.1:{port}/", accept=(1,))
    expect(plain, "", "what curl takes for an HTTP answer")
    banner = demo.client("curl", "-sS", "--http0.9", "--max-time", 10, f"http://127.0.0.1:{port}/", accept=(0, 56))
    if not banner.startswith("SSH-2.0-"):
        raise Failed(f"curl saw {banner[:40]!r}, not an SSH banner")
    with socket.create_connection(("127.0.0.1", port), timeout=10) as silent:
        silent.settimeout(10)
        expect(silent.recv(8), b"SSH-2.0-", "what a silent client hears")
    return banner.splitlines()[0]


def image_into_and_out_of_the_registry(demo):
    """skopeo pushes an OCI image and pulls it again over verified TLS; the manifest's digest stays."""
    digest = write_image(demo.folder / "image", 32)
    name = demo.url("registry", "/demo/image:1").replace("https:", "docker:")
    skopeo = ["skopeo", "--insecure-policy", "copy", "-q", "--preserve-digests"]
    demo.client(*skopeo, f"oci:{demo.folder / 'image'}:1", name)
    demo.client(*skopeo, name, f"oci:{demo.folder / 'image-back'}:1")
    index = json.loads((demo.folder / "image-back/index.json").read_text())
    expect(index["manifests"][0]["digest"], digest, "the manifest's digest")
    return f"layer of 32 MiB, {digest[:19]}"


def object_of_1_gib_into_and_out_of_s3(demo):
    """Signed PUT and GET of 1 GiB in one request each; a wrong key is refused, awkward names are not changed."""
    s3cmd = ["s3cmd", "-c", demo.folder / "s3cfg"]
    before = demo.memory()
    sent, back = demo.folder / "object", demo.folder / "object-back"
    digest = write_pattern(sent, 1024)
    demo.client(*s3cmd, "put", sent, "s3://demo/object", seconds=140)
    sent.unlink()
    demo.client(*s3cmd, "get", "s3://demo/object", back, seconds=140)
    expect(sha256(back), digest, "SHA-256 of the object that came back")
    back.unlink()
    after = demo.memory()

    awkward = "s3://demo/a b+c/d%2Fe;f=g/~é"
    demo.client(*s3cmd, "put", demo.folder / "s3cfg", awkward)
    demo.client(*s3cmd, "get", awkward, demo.folder / "awkward-back")
    refused = demo.client(*s3cmd, "--secret_key=wrong", "info", "s3://demo/object", accept=(77,), seconds=30)
    expect(refused, "", "what a wrong key gets")
    return f"same SHA-256; Gatehouse's memory {before[0]:.0f} -> {after[0]:.0f} MiB, peak {before[1]:.0f} -> {after[1]:.0f} MiB"


def websocket_round_trip(demo):
    """Text, 1 MiB of bytes, a ping and an orderly close through wss://."""
    async def talk():
        async with websocket(demo) as connection:
            for message in ["hello", bytes(range(256)) * 4096]:
                await connection.send(message)
                expect(await connection.recv() == message, True, f"the echo of {len(message)} {type(message).__name__}")
            await (await connection.ping())
        expect(connection.close_code, 1000, "the close code")

    asyncio.run(asyncio.wait_for(talk(), 30))
    return "text, 1 MiB, ping, close 1000"


def browser_and_its_websocket(demo):
    """Chromium loads a page by HTTP/2, whose script opens a WebSocket in the same connection (RFC 8441)."""
    program = shutil.which("chromium")
    if not program:
        raise LeftOut("chromium is not installed")
    report = demo.folder / "uploads/browser.json"
    # It trusts neither files nor the environment. Left to itself, it would stay for ever.
    demo.servers.start("chromium", [
        program, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--no-proxy-server",
        "--ignore-certificate-errors", "--host-resolver-rules=MAP *.example.test 127.0.0.1",
        f"--user-data-dir={demo.folder / 'browser'}", "--remote-debugging-port=0",
        demo.url("gitlab", "/browser.html?/uploads/browser.json")])
    wait_until(report.exists, 60, f"the page tells what it saw (the browser's log: {demo.servers.log('chromium')})")
    expect(json.loads(report.read_text()), {"page": "h2", "echo": "hello", "code": 1000}, "what the page saw")
    logged(demo, target="/-/cable", protocol="HTTP/2.0")
    return "page, WebSocket echo and close 1000, all by HTTP/2"


def routes_change_while_requests_run(demo):
    """A route is added, changed and removed while requests to another host, a WebSocket and an SSH session go on."""
    async def talk_meanwhile():
        async with websocket(demo) as connection:
            await connection.send("before")
            expect(await connection.recv(), "before", "the WebSocket's echo")
            seen = await asyncio.to_thread(routes_change_under_load, demo)
            await connection.send("after")
            expect(await connection.recv(), "after", "the WebSocket's echo after the changes")
            return seen

    return asyncio.run(asyncio.wait_for(talk_meanwhile(), 120))


CHECKS = [certificates_come_by_ACME, page_through_redirect, chunked_upload, git_over_https, git_over_ssh,
          ssh_port_speaks_first, image_into_and_out_of_the_registry, object_of_1_gib_into_and_out_of_s3,
          websocket_round_trip, routes_change_while_requests_run, browser_and_its_websocket]


def expect(seen, wanted, what):
    if seen != wanted:
        raise Failed(f"{what}: {seen!r}, not {wanted!r}")


def logged(demo, **wanted):
    """The lines of Gatehouse's access log with these values; one at least, or Failed."""
    def lines():
        whole, _, _ = (demo.folder / "log/access.log").read_text().rpartition("\n")
        entries = map(json.loads, whole.splitlines())
        return [entry for entry in entries if wanted.items() <= entry.items()]

    return wait_until(lines, 10, f"the access log has {wanted}")


def clone_and_push(demo, name, address, *options):
    """Clones, commits a new file of 4 MiB and pushes it. The push must be what a second clone sees."""
    clone = demo.folder / f"clone-{name}"
    demo.client("git", *options, "clone", "-q", address, clone)
    write_pattern(clone / f"pushed-over-{name}", 4)
    git(demo, clone, "add", ".")
    git(demo, clone, "-c", "user.name=Demo", "-c", "user.email=demo@example.test", "commit", "-qm", f"over {name}")
    git(demo, clone, *options, "push", "-q", address.replace("https://", "https://demo:demo@"), "HEAD:main")
    second = demo.folder / f"second-clone-{name}"
    demo.client("git", *options, "clone", "-q", address, second)
    expect(git(demo, second, "rev-parse", "HEAD"), git(demo, clone, "rev-parse", "HEAD"), "the commit a second clone sees")
    return clone


def git(demo, clone, *command):
    return demo.client("git", "-C", clone, *command)


def websocket(demo):
    port = demo.port("websecure")
    return websockets.connect(f"wss://gitlab.example.test:{port}/-/cable", host="127.0.0.1", port=port, max_size=None,
                              ssl=ssl.create_default_context(cafile=demo.ca), server_hostname="gitlab.example.test")


def write_pattern(path, mebibytes):
    """Writes a file whose every MiB differs, so that a block lost, doubled or moved shows. Returns its SHA-256."""
    block, digest = hashlib.shake_256(path.name.encode()).digest(MIB - 8), hashlib.sha256()
    with open(path, "wb") as file:
        for number in range(mebibytes):
            piece = number.to_bytes(8, "big") + block
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_image(folder, mebibytes):
    """Writes an OCI image layout by hand: one layer with one file, a config, a manifest, an index."""
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)

    def blob(content, media_type):
        digest = hashlib.sha256(content).hexdigest()
        (blobs / digest).write_bytes(content)
        return {"mediaType": f"application/vnd.oci.image.{media_type}", "digest": f"sha256:{digest}", "size": len(content)}

    write_pattern(folder / "content", mebibytes)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.add(folder / "content", "content")
    layer = blob(gzip.compress(packed.getvalue(), 1), "layer.v1.tar+gzip")
    files = {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(packed.getvalue()).hexdigest()}"]}
    config = blob(json.dumps({"architecture": "amd64", "os": "linux", "rootfs": files}).encode(), "config.v1+json")
    manifest = blob(json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                                "config": config, "layers": [layer]}).encode(), "manifest.v1+json")
    manifest["annotations"] = {"org.opencontainers.image.ref.name": "1"}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [manifest]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return manifest["digest"]
