"""The machine under the bench: cores, ports, a temporary folder, children, CPU time and memory.

Everything a run starts goes through one Machine: it pins each child to its core, ends all of
them when the run ends (also by a signal), and removes the folder.
"""
import ctypes
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

PR_SET_PDEATHSIG = 1
CPUCLOCK_SCHED = 2
libc = ctypes.CDLL(None)


class BenchError(Exception):
    """A measurement that cannot be trusted, with the reason in words."""


class Machine:
    def __init__(self):
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) < 2:
            raise BenchError("two cores are needed: one for the proxy, one for load and origin")
        self.proxy_core, self.load_core = cores[0], cores[1]
        os.sched_setaffinity(0, {self.load_core})
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.descriptors = min(hard, 1_000_000)
        parent = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = tempfile.mkdtemp(prefix="gatehouse-bench-", dir=parent)
        self.children = []
        self.urgent_load = False  # whether what starts on the load core goes before all else there (needs root)

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: exit(143))
        return self

    def __exit__(self, *_):
        for child in reversed(self.children):
            self.stop(child)
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)
        return self.path(name)

    def start(self, argv, core, log, stdout=None, stdin=subprocess.DEVNULL):
        """Starts a child on `core`; its output goes to the file `log` unless stdout is given."""
        def prepare():
            os.sched_setaffinity(0, {core})
            if self.urgent_load and core == self.load_core:
                os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        with open(self.path(log), "ab") as output:
            child = subprocess.Popen(argv, stdin=stdin, stdout=stdout or output, stderr=output,
                                     preexec_fn=prepare, start_new_session=True, cwd=self.folder)
        self.children.append(child)
        return child

    def stop(self, child):
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)  # its own session: only what it started
                child.wait()
        if child in self.children:
            self.children.remove(child)

    def run_load(self, argv, seconds):
        """Runs a load program on the load core to its end; returns its output."""
        child = self.start(argv, self.load_core, "load.log", stdout=subprocess.PIPE)
        try:
            output = child.communicate(timeout=seconds + 30)[0].decode()
        except subprocess.TimeoutExpired:
            raise BenchError(f"{os.path.basename(argv[0])} did not end in time")
        finally:
            self.stop(child)
        if child.returncode != 0:
            raise BenchError(f"{os.path.basename(argv[0])} failed: {tail(self.path('load.log'))}")
        return output

    def core_busy_seconds(self, core):
        with open("/proc/stat") as file:
            for line in file:
                if line.startswith(f"cpu{core} "):
                    user, nice, system, _idle, _wait, irq, softirq, steal = map(int, line.split()[1:9])
                    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
        raise BenchError(f"no cpu{core} in /proc/stat")


def tail(path, lines=5):
    with open(path, errors="replace") as file:
        return " | ".join(line.strip() for line in file.readlines()[-lines:])


def free_ports(count):
    """Ports nobody listens on now, from the system; all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def wait_until(ready, child, what, seconds=10, step=0.002):
    deadline = time.monotonic() + seconds
    while not ready():
        if child.poll() is not None:
            raise BenchError(f"{what} ended with status {child.returncode}")
        if time.monotonic() > deadline:
            raise BenchError(f"{what} was not ready within {seconds} s")
        time.sleep(step)


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def process_tree(root):
    """The process and all its descendants."""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file:
                parents[int(name)] = int(file.read().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue  # ended meanwhile
    tree = {root}
    while grown := {pid for pid, parent in parents.items() if parent in tree and pid not in tree}:
        tree |= grown
    return sorted(tree)


def cpu_seconds(pids):
    """User + system time of all threads, ended ones too: /proc/PID/stat's sum without its 10 ms ticks."""
    return sum(time.clock_gettime((~pid << 3) | CPUCLOCK_SCHED) for pid in pids)


def thread_seconds(pid):
    """User + system time of each live thread by its number; the first thread's is the process'."""
    seconds = {}
    for name in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{name}/schedstat") as file:
            seconds[int(name)] = int(file.read().split()[0]) / 1e9
    return seconds


def pss_bytes(pids):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            total += sum(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
    return total
