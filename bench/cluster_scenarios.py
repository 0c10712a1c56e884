"""What Gatehouse costs in a large cluster: the first sync, how soon a change is live, changes under
load, standing still, and many certificates."""
import json
import random
import statistics
import subprocess
import time

from cluster import INGRESSES, SECRETS, SLICES, Asker, Cluster, Member, Watch, Writer
from machine import BenchError, thread_seconds
from scenarios import Row

SHAPES = {"2 Ingresses a Service": (10_000, 5_000), "own Services": (10_000, 10_000)}
MADE_UP = {"ns": "made-up"}


def scaled(options, full):
    return full // 10 if options.quick else full


def cluster_of(machine, origin, options, shape, **more):
    ingresses, services = (scaled(options, count) for count in SHAPES[shape])
    return Cluster(machine, origin, options, ingresses=ingresses, services=services, endpoints=50_000 // SHAPES[shape][1],
                   **more)


def first_sync(machine, origin, options):
    with cluster_of(machine, origin, options, "2 Ingresses a Service") as cluster:
        for number in range(options.rounds):
            with Member(machine, cluster, options) as member:
                check(member, scaled(options, 10_000) - 1)
                seconds, builds = member.cpu_seconds(), member.builds()
                yield Row("first sync: ready", "gatehouse", number, member.start_seconds, "s")
                yield Row("first sync: CPU", "gatehouse", number, seconds, "s")
                yield Row("first sync: RSS", "gatehouse", number, member.rss_bytes() / 1e6, "MB")
                yield Row("first sync: full build", "gatehouse", number, max(builds), "ms", notes={"all_ms": builds})


def check(member, number):
    """A made-up route is there; its endpoints are not."""
    asker = Asker(member.web, f"h{number}.example.com")
    if asker.ask("/")[0] != 502:
        raise BenchError("ready, and yet the last route is not there")
    asker.close()


# ---- one change ----

def change_live(machine, origin, options):
    for shape in SHAPES:
        with cluster_of(machine, origin, options, shape) as cluster, Member(machine, cluster, options) as member:
            for kind in (IngressPath, IngressHost, EndpointMove):
                delays, builds, cpu = measure_changes(cluster, member, kind(cluster, member, origin), options)
                name = f"{kind.words}, {shape}"
                yield from spread(f"live: {name}", [live for live, _ in delays])
                yield from spread(f"heard to live: {name}", [live - heard for live, heard in delays])
                yield Row(f"build: {name}", "gatehouse", 0, statistics.median(builds), "ms")
                yield Row(f"CPU a change: {name}", "gatehouse", 0, cpu * 1e3, "ms")


def spread(name, seconds):
    seconds.sort()
    for label, share in (("p50", 0.5), ("p99", 0.99)):
        yield Row(f"{name} {label}", "gatehouse", 0, seconds[round(share * (len(seconds) - 1))] * 1e3, "ms",
                  notes={"changes": len(seconds), "worst_ms": round(seconds[-1] * 1e3, 1)})


def measure_changes(cluster, member, change, options):
    chance = random.Random(1)
    delays = []
    before, cpu = len(member.builds()), control_seconds(member)
    for _ in range(20 if options.quick else 100):
        time.sleep(chance.uniform(0.1, 0.2))
        delays.append(one_change(cluster, change))
    time.sleep(0.2)
    return delays, member.builds()[before:], (control_seconds(member) - cpu) / len(delays)


def one_change(cluster, change):
    """Seconds from the write until the data path obeys it, and until a watch of our own heard of it."""
    path, body = change.next()
    collection, name = path.rsplit("/", 1)
    watch = Watch(cluster, collection, name, cluster.get(path)["metadata"]["resourceVersion"])
    writer = Writer(cluster)
    heard = live = None
    began = writer.send(path, body)
    while live is None or heard is None:
        if heard is None and watch.heard():
            heard = time.monotonic() - began
        if live is None and change.is_live():
            live = time.monotonic() - began
        if time.monotonic() - began > 10:
            raise BenchError("a change was not live after 10 s")
        time.sleep(0.0002)
    writer.finish()
    watch.close()
    return live, heard


def control_seconds(member):
    return thread_seconds(member.child.pid)[member.child.pid]


class OfIngress:
    """Some Ingress among the 10,000 asks for a path or host it did not have, on the way to the origin."""

    def __init__(self, cluster, member, origin):
        self.chance, self.turn, self.member, self.asker = random.Random(2), 0, member, None
        self.name = "i17"

    def rule(self, host, path):
        backend = {"service": {"name": "upstream", "port": {"number": 80}}}
        return {"spec": {"rules": [{"host": host, "http": {"paths": [
            {"path": path, "pathType": "Exact", "backend": backend}]}}]}}

    def next(self):
        self.turn += 1
        self.name = f"i{self.chance.randrange(900)}"
        self.host, self.path = self.of_turn()
        if self.asker:
            self.asker.close()
        self.asker = Asker(self.member.web, self.host)
        if self.is_live():
            raise BenchError("the route is there before its change")
        return f"{INGRESSES.format(**MADE_UP)}/{self.name}", self.rule(self.host, self.path)

    def is_live(self):
        return self.asker.ask(self.path)[0] == 200


class IngressPath(OfIngress):
    words = "an Ingress's path"

    def of_turn(self):
        return f"h{self.name[1:]}.example.com", f"/route/{self.turn}"


class IngressHost(OfIngress):
    words = "an Ingress's host"

    def of_turn(self):
        return f"turn-{self.turn}.example.com", "/route"


class EndpointMove:
    """The Service of the bench goes from one origin to its twin: they tell who they are by their port."""
    words = "an endpoint"

    def __init__(self, cluster, member, origin):
        self.ports, self.turn = (origin.http, origin.other_http), 0
        self.asker = Asker(member.web, "localhost")

    def next(self):
        self.turn += 1
        self.port = self.ports[self.turn % 2]
        return (f"{SLICES.format(ns='bench')}/upstream-1", {"ports": [{"name": "main", "port": self.port}]})

    def is_live(self):
        return self.asker.ask("/port")[1] == str(self.port).encode()


# ---- many changes ----

def changes_under_load(machine, origin, options):
    """A steady load on one route of one process, by turns: nothing changes; 100 changes a second in its cluster; and the
    same in a cluster nobody watches, which tells what the changes themselves cost the core of the load."""
    seconds, turns = (3, 1) if options.quick else (5, 4)
    for number in range(options.rounds):
        with cluster_of(machine, origin, options, "2 Ingresses a Service") as cluster, \
                cluster_of(machine, origin, options, "2 Ingresses a Service", kubeconfig="other") as other, \
                Member(machine, cluster, options) as member:
            under_load(machine, member, 1)
            for _ in range(turns):
                for words, changing in (("no change", None), ("100 changes/s", cluster), ("100 changes/s elsewhere", other)):
                    if changing:
                        changing.change(100)
                    row = under_load(machine, member, seconds)
                    if changing:
                        changing.change(0)
                    row.scenario, row.round = f"p99: {words}", number
                    yield row


def under_load(machine, member, seconds):
    argv = [machine.path("trickle"), str(member.websecure), "32", "2000", str(seconds)]
    time.sleep(0.3)
    before, worked = len(member.builds()), thread_seconds(member.child.pid)
    result = json.loads(machine.run_load(argv, seconds))
    after = thread_seconds(member.child.pid)
    control = after[member.child.pid] - worked[member.child.pid]
    notes = {"p50_ms": result["p50_ms"], "control_cpu": round(control / seconds, 3),
             "all_cpu": round((sum(after.values()) - sum(worked.values())) / seconds, 3),
             "builds_per_s": (len(member.builds()) - before) / seconds}
    return Row("", "gatehouse", 0, result["p99_ms"], "ms", rate=result["done"] / seconds, failures=result["failures"],
               notes=notes)


def standing_still(machine, origin, options):
    seconds = 5 if options.quick else 30
    with cluster_of(machine, origin, options, "2 Ingresses a Service") as cluster, Member(machine, cluster, options) as member:
        time.sleep(2)
        before = member.cpu_seconds()
        time.sleep(seconds)
        yield Row("nothing changes: CPU", "gatehouse", 0, (member.cpu_seconds() - before) / seconds * 100, "%",
                  notes={"seconds": seconds})


# ---- certificates ----

def certificates(machine, origin, options):
    count = scaled(options, 10_000)
    figures = {}
    for number in range(options.rounds):
        for some in (0, count):
            with cluster_of(machine, origin, options, "2 Ingresses a Service", certificates=some) as cluster, \
                    Member(machine, cluster, options) as member:
                figures[some] = member.start_seconds, member.cpu_seconds(), member.rss_bytes() / 1e6
                if some and number == 0:
                    yield from changed_certificates(machine, cluster, member, options)
        for index, (what, unit) in enumerate((("ready", "s"), ("CPU", "s"), ("RSS", "MB"))):
            yield Row(f"{count} certificates: {what}", "gatehouse", number, figures[count][index], unit,
                      notes={"more_than_without": round(figures[count][index] - figures[0][index], 2)})


def changed_certificates(machine, cluster, member, options):
    """Another certificate in one Secret after the other: what each costs the control thread."""
    fresh = other_certificates(machine, 20)
    before, cpu = len(member.builds()), control_seconds(member)
    for number, data in enumerate(fresh):
        cluster.patch(f"{SECRETS.format(**MADE_UP)}/t{number}", {"stringData": data})
        time.sleep(0.3)
    yield Row("a changed certificate: CPU", "gatehouse", 0, (control_seconds(member) - cpu) / len(fresh) * 1e3, "ms")
    yield Row("a changed certificate: build", "gatehouse", 0, statistics.median(member.builds()[before:]), "ms")


def other_certificates(machine, count):
    made = []
    for number in range(count):
        key, chain = machine.path("other-key.pem"), machine.path("other.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", key, "-out", chain, "-days", "30", "-subj", f"/CN=other-{number}", "-addext",
                        f"subjectAltName=DNS:h{number}.example.com"], check=True, capture_output=True, timeout=30)
        with open(chain) as first, open(key) as second:
            made.append({"tls.crt": first.read(), "tls.key": second.read()})
    return made


CLUSTER_SCENARIOS = {"first-sync": first_sync, "change-live": change_live, "changes-under-load": changes_under_load,
                     "standing-still": standing_still, "certificates": certificates}
