"""Measures the sandbox beside OpenELM's way to run programs: the same programs, interpreter and batches. run.py starts this.

Next: pool_peer.py, which is that other way, and the example `measure` of samara-sandbox.
"""

import json
import os
import shutil
import sys

from embedded import example
from measure import HERE, Child

WALKER = '''
import math

def limb(creator, center, angle, length, phase):
    previous = center
    for segment in range(3):
        reach = length * (segment + 1)
        x, y = math.cos(angle) * reach, math.sin(angle) * reach
        joint = len(creator["joints"])
        creator["joints"].append([round(x, 6), round(y, 6)])
        kind = "muscle" if segment else "distance"
        creator["muscles"].append([previous, joint, {"type": kind, "amplitude": 2.5, "phase": phase}])
        previous = joint
    return previous

def main():
    creator = {"joints": [[0.0, 0.0]], "muscles": []}
    ends = [limb(creator, 0, 2 * math.pi * i / 6, 1.5, i / 6) for i in range(6)]
    for one, other in zip(ends, ends[1:] + ends[:1]):
        creator["muscles"].append([one, other, {"type": "muscle", "amplitude": 4.0, "phase": 0.25}])
    return creator
'''

PUZZLE = '''
from typing import List

def holds(words: List[str], wanted: int) -> bool:
    seen = set()
    for word in words:
        if word in seen or word != word[::-1]:
            return False
        seen.add(word)
    return sum(len(word) for word in words) == wanted

def main():
    letters, words, total, wanted = "abcdefgh", [], 0, 60
    for size in range(1, 9):
        for letter in letters:
            word = letter * size
            if total + size <= wanted:
                words.append(word)
                total += size
    assert holds(words, wanted), "no solution"
    return [words, total, {"count": len(words)}]
'''

# How many times as many programs per CPU second as the other way at its better number of processes, by batch.
TIMES = {2: 3.0, 7: 3.0, 28: 1.5, 140: 1.2}
ROUNDS, SECONDS = 3, 2.0
FORK = """
import os, time
n = 300
begin = os.times()
for _ in range(n):
    pid = os.fork()
    if pid == 0: os._exit(0)
    os.waitpid(pid, 0)
print(sum(b - a for a, b in zip(begin[:4], os.times()[:4])) / n * 1e3)
"""


def programs(scratch):
    """Two programs of about twenty lines, with what they return, as a file."""
    found = []
    for source in (WALKER, PUZZLE):
        names = {}
        exec(source, names)
        found.append({"source": source, "entry": "main", "expected": names["main"]()})
    file = scratch / "programs.json"
    file.write_text(json.dumps(found))
    return file


def per_cpu_s(one):
    return one["programs"] / one["cpu_s"]


def sandbox(report, scratch, options):
    measure, work = example("measure", "samara-sandbox"), programs(scratch)
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin") or sys.executable
    ours, pools, landlock, forks, loads = [], [], [], [], [os.getloadavg()[0]]
    for _ in range(ROUNDS):  # in turns, so that other work meets both
        ours.append(json.loads(Child([measure, work, SECONDS, "jail", 2, python]).out))
        pools.append(json.loads(Child([python, HERE / "pool_peer.py", work, SECONDS]).out))
        landlock.append(json.loads(Child([measure, work, SECONDS / 4, "landlock", 2, python]).out))
        forks.append(float(Child([python, "-I", "-S", "-c", FORK]).out))
    loads.append(os.getloadavg()[0])
    report.figures["sandbox"] = {"jail": ours, "pool": pools, "landlock": landlock, "load": loads}
    print(f"sandbox: Python {ours[0]['python']}, load {loads[0]:.1f} before and {loads[1]:.1f} after")
    rates(report, ours, pools)
    report.add("sandbox.landlock.batch_140", max(per_cpu_s(run["batches"][-1]) for run in landlock), "programs/CPU s")
    report.add("sandbox.bare_fork", 1e3 / min(forks), "fork+exit+wait/CPU s of a Python that holds nothing")
    latency(report, ours)
    first = min(run["first_start_ms"] for run in ours)
    report.add("sandbox.first_start", first, "ms wall, interpreter probed, to the end of a first program", at_most=300)
    again = min(run["start_of_a_known_interpreter_ms"] for run in ours)
    report.add("sandbox.start", again, "ms wall, interpreter known, to the end of a first program")
    report.add("sandbox.server_resident", max(run["server_resident_kib"] for run in ours) / 1024, "MB", at_most=60)
    shared = ours[0]["server_proportional_kib"]
    if shared is not None:
        report.add("sandbox.server_proportional", shared / 1024, "MB")


def rates(report, ours, pools):
    """Programs per CPU second of both, the best of all rounds, and their ratios."""
    for place, size in enumerate(one["batch"] for one in ours[0]["batches"]):
        best = max(per_cpu_s(run["batches"][place]) for run in ours)
        report.add(f"sandbox.batch_{size}", best, "programs/CPU s")
        same = [one for run in pools for one in run["batches"] if one["batch"] == size]
        others = {}
        for one in same:
            others[one["processes"]] = max(others.get(one["processes"], 0), per_cpu_s(one))
        for processes, rate in others.items():
            report.add(f"sandbox.pool_of_{processes}.batch_{size}", rate, "programs/CPU s")
        report.add(f"sandbox.times_default_pool.batch_{size}", best / others[12], "x")
        report.add(f"sandbox.times_better_pool.batch_{size}", best / max(others.values()), "x", at_least=TIMES[size])


def latency(report, ours):
    """Wall figures of the largest batches: what other work there is on the machine shows in them."""
    largest = [run["batches"][-1] for run in ours]
    rate = max(one["programs"] / one["wall_s"] for one in largest)
    report.add("sandbox.wall_rate", rate, "programs/s on 2 servers", at_least=500)
    steady = min(largest, key=lambda one: one["p99_ms"] / one["p50_ms"])
    report.add("sandbox.p50", steady["p50_ms"], "ms wall")
    report.add("sandbox.p99", steady["p99_ms"], "ms wall")
    report.add("sandbox.p99_of_p50", steady["p99_ms"] / steady["p50_ms"], "x", at_most=4)
