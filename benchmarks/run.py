#!/usr/bin/env python3
"""Measures samara, beside its peers where there are any. Python 3's standard library only.

    cargo build --release && cargo build --release -p samara-qd --example insertions
    python3 benchmarks/run.py                 # everything but the peers
    python3 benchmarks/run.py --peers         # makes benchmarks/.venv with the peers, and benchmarks/.node
    python3 benchmarks/run.py engine resume   # some measurements
    python3 benchmarks/run.py inference training --peers    # the embedded language model, beside llama.cpp
    python3 benchmarks/run.py sodarace --peers    # creatures, beside pybox2d
    python3 benchmarks/run.py sandbox         # untrusted programs, beside OpenELM's way to run them

Prints a line for each figure with its target, and writes all as JSON with --json FILE. Figures are CPU seconds
(user + system of the child, from wait4) unless they say wall; best of several, since other work only slows one down.
Exits with 1 if a target is missed.
"""

import argparse
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from embedded import MODEL, inference, training
from measure import HERE, ROOT, Child, Report, environment
from sandbox import sandbox
from sodarace import sodarace

SAMARA = ROOT / "target/release/samara"
INSERTIONS = ROOT / "target/release/examples/insertions"
SCRIPT = f"scripted:{ROOT}/crates/environments/experiments/scripts/opinions.toml"
SIZES = (100, 1_000, 10_000, 100_000)


def run_opinions(folder, model, steps, *settings):
    """`samara run opinions` into a new folder."""
    shutil.rmtree(folder, ignore_errors=True)
    values = [f"models.generator={model}", f"models.judge={model}", f"search.total_steps={steps}", *settings]
    flags = [word for value in values for word in ("--set", value)]
    return Child([SAMARA, "run", "opinions", "--quiet", "--format", "json", "--out", folder, *flags])


def resume(folder, *settings):
    flags = [word for value in settings for word in ("--set", value)]
    return Child([SAMARA, "resume", folder, "--quiet", "--format", "json", *flags])


# -- archive ---------------------------------------------------------------------------------------------------


def archive(report, scratch, options):
    if not INSERTIONS.exists():
        subprocess.run(["cargo", "build", "--release", "-p", "samara-qd", "--example", "insertions"], cwd=ROOT, check=True)
    passes = [json.loads(Child([INSERTIONS]).out) for _ in range(3)]
    grid = max(one["grid_20x20_per_s"] for one in passes)
    thousand = max(one["cvt_1000_per_s"] for one in passes)
    kmeans = min(one["cvt_10000_of_100000_s"] for one in passes)
    report.add("archive.grid_20x20", grid / 1e6, "M insertions/s", at_least=40)
    report.add("archive.cvt_1000", thousand / 1e6, "M insertions/s", at_least=4)
    report.add("archive.kmeans_10000_of_100000", kmeans, "s", at_most=2)
    if not options.peers:
        return
    peers = run_peers()
    report.figures["peers"] = peers
    for name, found in peers.items():
        if "error" in found:
            print(f"{name}: {found['error']}")
    ribs = peers["ribs"]
    if "error" not in ribs:
        ours = {"grid": grid, "cvt": thousand}
        for name in [name for name in ribs if name.endswith("_per_s")]:
            report.add(f"archive.pyribs.{name[:-6]}", ribs[name] / 1e6, "M insertions/s")
            report.add(f"archive.times_pyribs.{name[:-6]}", ours[name[:name.index("_")]] / ribs[name], "x")
        report.add("archive.pyribs.kmeans_10000_of_100000", ribs["cvt_10000_of_100000_s"], "s")
        report.add("archive.times_pyribs.kmeans", ribs["cvt_10000_of_100000_s"] / kmeans, "x")
    if "error" not in peers["openevolve"]:
        report.add("openevolve.database", peers["openevolve"]["ms_per_candidate"], "ms CPU/candidate")


def run_peers():
    python = environment()
    for package in ("ribs", "openevolve"):
        # A package that can't be had is reported by peers.py as an error.
        subprocess.run([python, "-m", "pip", "install", "-q", package], check=False)
    # One thread each, as ours.
    single = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    return json.loads(Child([python, HERE / "peers.py"], env={**os.environ, **single}).out)


# -- engine and resume -----------------------------------------------------------------------------------------


def engine(report, scratch, options):
    cpu = {}
    for steps in SIZES:
        times = 7 if steps < 10_000 else 5 if steps < 100_000 else 3
        runs = [run_opinions(scratch / f"engine-{steps}", SCRIPT, steps) for _ in range(times)]
        best = min(runs, key=lambda one: one.cpu)
        cpu[steps] = best.cpu
        report.add(f"engine.cpu_{steps}", best.cpu, f"s CPU ({best.wall:.2f} s wall, {best.mb:.0f} MB)")
        report.add(f"engine.per_candidate_{steps}", 1e3 * best.cpu / steps, "ms CPU", at_most=0.3)
        size = sum(file.stat().st_size for file in (scratch / f"engine-{steps}").iterdir())
        report.add(f"engine.run_folder_{steps}", size / steps, "bytes/candidate")
    for less, more in zip(SIZES, SIZES[1:]):
        marginal = 1e3 * (cpu[more] - cpu[less]) / (more - less)
        report.add(f"engine.marginal_{less}_to_{more}", marginal, "ms CPU", at_most=0.3)


def resume_runs(report, scratch, options):
    folder = scratch / "engine-100000"
    if not folder.exists():
        run_opinions(folder, SCRIPT, 100_000)
    complete = min((resume(folder) for _ in range(5)), key=lambda one: one.wall)
    report.add("resume.complete_100000", complete.wall, f"s wall ({complete.cpu:.2f} s CPU, {complete.mb:.0f} MB)", at_most=2)
    longer = []
    for more in range(1, 6):
        longer.append(resume(folder, f"search.total_steps={100_000 + more}"))
        candidates = json.loads(longer[-1].out)["candidates"]
        if candidates != 100_000 + more:
            sys.exit(f"resume made {candidates} candidates in all, not {100_000 + more}")
    best = min(longer, key=lambda one: one.wall)
    report.add("resume.one_more_of_100000", best.wall, f"s wall ({best.cpu:.2f} s CPU, {best.mb:.0f} MB)", at_most=2)


# -- in flight -------------------------------------------------------------------------------------------------


class Server:
    """server.py in a process of its own."""

    def __init__(self, latency_ms):
        command = [sys.executable, HERE / "server.py", "--latency-ms", str(latency_ms)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}/v1#m"

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        seen, _ = self.process.communicate(timeout=10)
        return json.loads(seen)


def in_flight(report, scratch, options):
    alive, latency, per_candidate, candidates = 256, 0.2, 5, options.candidates
    # Most candidates take two steps after one another: a completion, then four scores at once.
    ideal = alive / (2 * latency)
    server = Server(1e3 * latency)
    wide = [f"models.{role}.max_concurrency=1024" for role in ("generator", "judge")]
    ran = run_opinions(
        scratch / "in-flight", server.url, candidates, "search.window=512", f"search.concurrency={alive}", *wide
    )
    seen = server.stop()
    if seen["requests"] < per_candidate * (candidates - 100):
        sys.exit(f"{seen['requests']} requests for {candidates} candidates: not the work that was meant")
    rate = steady_rate(seen) / per_candidate
    report.add("in_flight.ideal", ideal, "candidates/s")
    report.add("in_flight.steady", rate, f"candidates/s ({rate * per_candidate:.0f} requests/s)")
    report.add("in_flight.steady_of_ideal", 100 * rate / ideal, "%", at_least=95)
    whole = candidates / ran.wall
    report.add("in_flight.whole_run_of_ideal", 100 * whole / ideal, f"% (start, growth and end included; {ran.wall:.1f} s wall)")
    report.add("in_flight.memory", ran.mb, "MB", at_most=100)
    report.add("in_flight.client_cpu", 1e3 * ran.cpu / candidates, "ms CPU/candidate")
    report.add("in_flight.client_cpu_per_request", 1e3 * ran.cpu / seen["requests"], "ms CPU/request")
    report.add("in_flight.server_mean_held", seen["mean_held_ms"], f"ms (asked: {1e3 * latency:g})")
    report.add("in_flight.server_cpu_share", 100 * seen["cpu_s"] / ran.wall, "% of a core")
    report.add("in_flight.most_requests_at_once", seen["most_in_flight"], f"({seen['connections']} connections)")


def steady_rate(seen):
    """Requests/s between the first 15 % and the last 15 % of the replies: growth and end left out."""
    total, done, inside = sum(count for _, count in seen["bins"]), 0, []
    for index, count in seen["bins"]:
        done += count
        if 0.15 * total <= done <= 0.85 * total:
            inside.append((index, count))
    # A bin without replies has no entry but takes its time all the same.
    return sum(count for _, count in inside) / ((inside[-1][0] - inside[0][0] + 1) * seen["bin_s"])


def start(report, scratch, options):
    delays = []
    for _ in range(10):
        server = Server(1)
        ran = run_opinions(scratch / "start", server.url, 20)
        delays.append(1e3 * (server.stop()["first"] - ran.began))
    delays.sort()
    report.add("start.first_request_best", delays[0], "ms wall")
    report.add("start.first_request_worst_of_10", delays[-1], "ms wall", at_most=100)


MEASURES = {
    "archive": archive,
    "engine": engine,
    "resume": resume_runs,
    "in_flight": in_flight,
    "start": start,
    "inference": inference,
    "training": training,
    "sandbox": sandbox,
    "sodarace": sodarace,
}
# These build what they measure themselves.
SELF_CONTAINED = {"archive", "inference", "training", "sandbox", "sodarace"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measures", nargs="*", help=f"of {', '.join(MEASURES)}; all unless named")
    parser.add_argument("--peers", action="store_true", help="measure pyribs, openevolve, llama.cpp and pybox2d too (installs them)")
    parser.add_argument("--model", type=pathlib.Path, default=MODEL, help="the folder of the model that inference runs")
    parser.add_argument("--candidates", type=int, default=20_000, help="of the in_flight run")
    parser.add_argument("--json", type=pathlib.Path, help="write the figures to this file")
    options = parser.parse_args()
    unknown = set(options.measures) - set(MEASURES)
    if unknown:
        parser.error(f"no such measurement: {', '.join(sorted(unknown))}")
    if not SAMARA.exists() and set(options.measures or MEASURES) - SELF_CONTAINED:
        sys.exit(f"{SAMARA} is missing\nhint: cargo build --release")
    report = Report()
    with tempfile.TemporaryDirectory(prefix="samara-bench-") as scratch:
        for name in options.measures or MEASURES:
            MEASURES[name](report, pathlib.Path(scratch), options)
    if options.json:
        options.json.write_text(json.dumps({"figures": report.figures, "missed": report.missed}, indent=1) + "\n")
    if report.missed:
        sys.exit("missed: " + ", ".join(report.missed))


if __name__ == "__main__":
    main()
