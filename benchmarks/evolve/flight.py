#!/usr/bin/env python3
"""What many slow model calls at once and many programs cost samara (and OpenEvolve). Standard library only.

    python3 benchmarks/evolve/flight.py samara --latency-ms 2000                    # 64 calls of 2 s at once
    python3 benchmarks/evolve/flight.py samara --latency-ms 2000 --p99-ms 10000     # log-normal latencies
    python3 benchmarks/evolve/flight.py openevolve --calls 32 --candidates 320
    python3 benchmarks/evolve/flight.py controller                                  # no model: CPU a candidate

Rates are wall-clock answers a second between 15 % and 85 % of the answers, beside the ideal: the calls over the mean
latency that was drawn. Memory is the largest process; `tree` is the most that all processes of the run held at once.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

from run import QUIET, Model
from systems import PEERS, SAMARA, TASKS, Case

TICK = os.sysconf("SC_CLK_TCK")


class Watch(threading.Thread):
    """Looks every 50 ms at a process: its own CPU seconds, and the memory of it and its descendants (proportional)."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.cpu_s, self.peak_mb, self.tree_mb, self.looks = pid, 0.0, 0.0, 0.0, 0

    def run(self):
        while True:
            try:
                fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
                if fields[0] == "Z":
                    return
                self.cpu_s = (int(fields[11]) + int(fields[12])) / TICK
                # Memory is looked at once a second, since summing it up costs the kernel time.
                if self.looks % 20 == 0:
                    sizes = [proportional(pid) for pid in family(self.pid)]
                    self.peak_mb, self.tree_mb = max(self.peak_mb, *sizes), max(self.tree_mb, sum(sizes))
            except (FileNotFoundError, ProcessLookupError):
                return
            self.looks += 1
            time.sleep(0.05)


def family(pid):
    """The process and its descendants."""
    found = [pid]
    for one in found:
        for path in pathlib.Path(f"/proc/{one}/task").glob("*/children"):
            try:
                found += map(int, path.read_text().split())
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def proportional(pid):
    """Proportional memory of a process in MB: pages that n processes share count as one n-th."""
    try:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        pass
    return 0.0


def watched(command, folder):
    """Runs the command; wall and CPU seconds of all, and what Watch saw."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ} | QUIET
    began = time.monotonic()
    with open(pathlib.Path(folder) / "log", "wb") as log:
        process = subprocess.Popen([str(word) for word in command], cwd=folder, env=environment, stdout=log, stderr=log)
        watch = Watch(process.pid)
        watch.start()
        _, status, usage = os.wait4(process.pid, 0)
    watch.join()
    if os.waitstatus_to_exitcode(status):
        sys.exit((pathlib.Path(folder) / "log").read_text()[-3000:])
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, watch


def samara(case, options):
    return [SAMARA, "evolve", TASKS / options.task, "-i", options.candidates, "-o", case.output, "--seed", 0,
            "--model", "openai:blind", "--api-base", case.address, "--quiet", "--set", f"search.window={options.window}",
            "--set", f"search.concurrency={options.calls}", "--set", "environment.variation.gp=0"]  # fmt: skip


def openevolve(case, options):
    config = case.folder / "config.yaml"
    config.write_text(
        f"llm: {{api_base: '{case.address}', api_key: none, models: [{{name: blind}}]}}\n"
        f"evaluator: {{parallel_evaluations: {options.calls}}}\n"
    )
    return [PEERS / "oe/bin/openevolve-run", TASKS / options.task / "initial_program.py", TASKS / options.task / "evaluator.py",
            "-c", config, "-i", options.candidates, "-o", case.output, "-l", "ERROR"]  # fmt: skip


def in_flight(options):
    """Answers a second at a steady state, beside the ideal."""
    more = ["--latency-ms", options.latency_ms, "--p99-ms", options.p99_ms, "--by", "content", "--times"]
    with tempfile.TemporaryDirectory(prefix="evolve-") as folder:
        with Model(0, *more) as model:
            case = Case(options.task, 0, options.candidates, model.address, folder)
            make = samara if options.what == "samara" else openevolve
            wall, cpu, watch = watched(make(case, options), folder)
        seen = model.seen
    times = sorted(seen["times"])
    first, last = int(0.15 * len(times)), int(0.85 * len(times))
    rate = (last - first) / (times[last] - times[first])
    ideal = options.calls / seen["mean_delay_s"]
    return {
        "what": options.what, "calls": options.calls, "window": options.window, "requests": seen["requests"],
        "most_in_flight": seen["most_in_flight"], "mean_latency_s": round(seen["mean_delay_s"], 3),
        "rate": round(rate, 2), "ideal": round(ideal, 2), "percent": round(100 * rate / ideal, 1),
        "wall_s": round(wall, 1), "cpu_s": round(cpu, 2), "host_cpu_s": watch.cpu_s,
        "largest_mb": round(watch.peak_mb), "tree_mb": round(watch.tree_mb), "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip


def controller(options):
    """CPU a candidate of samara's own process (not the evaluators') and of all, without a model, at several sizes."""
    figures, before = [], None
    for candidates in (100, 1_000, options.candidates):
        with tempfile.TemporaryDirectory(prefix="evolve-") as folder:
            command = [SAMARA, "evolve", TASKS / options.task, "-i", candidates, "-o", f"{folder}/output", "--seed", 0,
                       "--model", "none", "--quiet", "--set", f"search.window={options.window}"]  # fmt: skip
            wall, cpu, watch = watched(command, folder)
        now = {"candidates": candidates, "host_cpu_s": watch.cpu_s, "cpu_s": round(cpu, 2), "wall_s": round(wall, 1),
               "host_ms": round(1e3 * watch.cpu_s / candidates, 3), "tree_mb": round(watch.tree_mb)}  # fmt: skip
        if before:
            extra = candidates - before["candidates"]
            now["marginal_host_ms"] = round(1e3 * (watch.cpu_s - before["host_cpu_s"]) / extra, 3)
            now["marginal_all_ms"] = round(1e3 * (cpu - before["cpu_s"]) / extra, 3)
        figures.append(now)
        before = now
    return figures


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("samara", "openevolve", "controller"))
    parser.add_argument("--task", default="rugged")
    parser.add_argument("--calls", type=int, default=64, help="candidates under way at once")
    parser.add_argument("--window", type=int, help="search.window of samara [default: as many as calls]")
    parser.add_argument("--candidates", type=int, default=1280)
    parser.add_argument("--latency-ms", type=float, default=2000.0)
    parser.add_argument("--p99-ms", type=float, default=0.0)
    options = parser.parse_args()
    options.window = options.window or options.calls
    print(json.dumps(controller(options) if options.what == "controller" else in_flight(options), indent=1))
