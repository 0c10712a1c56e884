"""The demo's course: start everything, then wait for Ctrl-C or run the checks, then clean up. See docs/demo.md."""
import argparse
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from checks import CHECKS
from peers import Demo
from processes import Failed, LeftOut


def main():
    options = arguments()
    for ending in [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]:
        signal.signal(ending, signal.default_int_handler)
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    os.environ |= {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}  # the user's own settings stay out
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=options.work))
    demo = Demo(folder, options.gatehouse, options.work / "node_modules")
    failed = True
    try:
        demo.start()
        failed = run_checks(demo) if options.check else serve(demo)
    except Failed as problem:
        print(f"scripts/demo: {problem}", file=sys.stderr)
    except KeyboardInterrupt:
        failed = options.check
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not stop the cleaning up
        clean_up(demo, failed)
    return 1 if failed else 0


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument("--gatehouse", metavar="PATH", type=Path, required=True, help="the program")
    parser.add_argument("--work", metavar="FOLDER", type=Path, required=True, help="where the demo's files go")
    parser.add_argument("--check", action="store_true", help="run the real clients")
    return parser.parse_args()


def serve(demo):
    """Says how to reach everything and waits. Returns whether Gatehouse failed meanwhile."""
    print(directions(demo), flush=True)
    code = demo.gatehouse.wait()
    print(f"scripts/demo: gatehouse ended with {code}", file=sys.stderr)
    return True


def directions(demo):
    client = os.path.relpath(demo.folder / "client")
    registry = demo.url("registry").removeprefix("https://")
    return f"""
Gatehouse is ready, its log is {os.path.relpath(demo.servers.log("gatehouse"))}. In another shell, from this folder:

  page       {client} curl -L http://gitlab.example.test:{demo.port("web")}/
             curl --cacert {os.path.relpath(demo.ca)} --resolve '*:{demo.port("websecure")}:127.0.0.1' {demo.url("gitlab")}
  git        {client} git clone {demo.url("gitlab", "/group/project.git")}     (to push: demo, demo)
             {client} git clone gitlab.example.test:group/project.git project-ssh
  registry   {client} skopeo --insecure-policy copy oci:FOLDER docker://{registry}NAME:TAG
  s3         {client} s3cmd -c {os.path.relpath(demo.folder / "s3cfg")} put FILE s3://demo
  WebSocket  {client} /usr/bin/python3 -m websockets {demo.url("gitlab", "/-/cable").replace("https", "wss", 1)}
  routes     {os.path.relpath(demo.manifests)}/  (change a file and see)
  certs      {os.path.relpath(demo.program)} certs list --config {os.path.relpath(demo.folder / "gatehouse.yaml")}
  admin      curl http://127.0.0.1:{demo.port("admin")}/metrics

Ctrl-C ends it and removes {os.path.relpath(demo.folder)}/."""


def run_checks(demo):
    """Runs every check and prints its line. Returns whether one failed."""
    failures = left_out = 0
    for check in CHECKS:
        name = check.__name__.replace("_", " ")
        try:
            signal.signal(signal.SIGALRM, too_long)
            signal.alarm(300)
            print(f"pass  {name}: {check(demo)}", flush=True)
        except LeftOut as reason:
            left_out += 1
            print(f"skip  {name}: {reason}", flush=True)
        except Exception as problem:
            failures += 1
            kind = "" if isinstance(problem, Failed) else f"{type(problem).__name__}: "
            print(f"FAIL  {name}: {kind}{problem}", flush=True)
        finally:
            signal.alarm(0)
    print(f"{len(CHECKS) - failures - left_out} passed, {failures} failed, {left_out} left out")
    return failures > 0


def too_long(*_):
    raise Failed("not finished within 300 s")


def clean_up(demo, failed):
    """Stops every server and removes the demo's folder; after a failure what explains it stays."""
    demo.servers.stop()
    keep = {"log", "manifests", "gatehouse.yaml"} if failed else set()
    for path in demo.folder.iterdir():
        if path.name in keep:
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    if failed:
        print(f"scripts/demo: logs and configuration are kept in {demo.folder}", file=sys.stderr)
    else:
        demo.folder.rmdir()


sys.exit(main())
