"""Child processes and deadlines: nothing here or above waits without a limit, nothing outlives the demo."""
import ctypes
import os
import signal
import subprocess
import time


class Failed(Exception):
    """Something the demo needed or a check expected did not happen; the text says what, for the user."""


class LeftOut(Exception):
    """A check whose client is not installed; the text says which."""


def wait_until(condition, seconds, what):
    """Calls `condition` until it returns something true, and returns that. `what` completes "not within N s: …"."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise Failed(f"not within {seconds} s: {what}")
        time.sleep(0.02)
    return result


def run(command, seconds=60, accept=(0,), **options):
    """Runs a command to its end and returns what it printed; an exit code not in `accept` is Failed.

    Past its time the whole process group is killed: git and ssh start children of their own.
    """
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               stdin=subprocess.DEVNULL, text=True, errors="replace", start_new_session=True, **options)
    try:
        output, errors = process.communicate(timeout=seconds)
    except BaseException as problem:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if isinstance(problem, subprocess.TimeoutExpired):
            raise Failed(f"{words(command)}: not finished within {seconds} s") from None
        raise
    if process.returncode not in accept:
        raise Failed(f"{words(command)}: exit {process.returncode}: {last_words(errors)}")
    return output


def words(command):
    """The command as it is named in a message: without the folder of its program."""
    return " ".join([os.path.basename(str(command[0])), *map(str, command[1:4])])


def last_words(text):
    return " / ".join(text.strip().splitlines()[-3:]) or "no message"


class Servers:
    """The servers started, stopped in reverse order. Their output goes to `log/NAME.log` in `folder`."""

    def __init__(self, folder):
        self.folder = folder
        self.running = []

    def start(self, name, command):
        """Starts a server in `folder`. Main thread only: the kernel ends it with the thread that started it."""
        with open(self.log(name), "wb") as log:
            process = subprocess.Popen([str(word) for word in command], cwd=self.folder, stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log, start_new_session=True, preexec_fn=end_with_parent)
        self.running.append((name, process))
        return process

    def log(self, name):
        return self.folder / "log" / f"{name}.log"

    def wait_ready(self, name, ready, seconds=20):
        """Waits until `ready()` is true; a server that ends instead is Failed with what it said last."""
        process = dict(self.running)[name]

        def ready_or_gone():
            if process.poll() is not None:
                said = last_words(self.log(name).read_text(errors="replace"))
                raise Failed(f"{name} ended with {process.returncode}: {said}")
            return ready()

        wait_until(ready_or_gone, seconds, f"{name} is ready (its log: {self.log(name)})")

    def stop(self):
        while self.running:
            _, process = self.running.pop()
            if process.poll() is None:
                process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                pass
            try:
                os.killpg(process.pid, signal.SIGKILL)  # what it started and left behind
            except ProcessLookupError:
                pass
            process.wait()


LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def end_with_parent():
    """In the child: even a demo ended by SIGKILL leaves no server behind."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
