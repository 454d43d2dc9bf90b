"""Measures creatures: evaluations of the seven seed designs, beside pybox2d. run.py starts this.

Next: sodarace_peer.py, the reference's simulator on pybox2d, and the example `evaluations` of samara-sodarace.
"""

import json
import os
import subprocess

from embedded import example
from measure import HERE, ROOT, environment

GOLDEN = ROOT / "crates/sodarace/tests/data/golden.json"
SECONDS = 1.0


def walkers(group):
    """The recorded walkers of a group, with the fitness that was recorded."""
    return [one for one in json.loads(GOLDEN.read_text())["walkers"] if one["group"] == group and one["morphology"]]


def run(command, chosen):
    text = json.dumps([{"name": one["name"], "walker": one["walker"]} for one in chosen])
    done = subprocess.run([str(word) for word in command], input=text, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def sodarace(report, scratch, options):
    program, seeds = example("evaluations", "samara-sodarace"), walkers("seed")
    small = [one for one in walkers("random") if 8 <= len(one["walker"]["joints"]) <= 12]
    print(f"sodarace: load {os.getloadavg()[0]:.1f}")
    long = run([program, "openelm", 10_000, SECONDS, 2], seeds)
    ours = {row["name"]: row for row in long["walkers"]}
    for one in seeds:
        assert ours[one["name"]]["fitness"] == one["evaluate"]["10000"], one["name"]
    total = sum(row["cpu_s"] for row in ours.values())
    report.add("sodarace.seeds_10000_ms", len(seeds) / total, "evaluations/CPU s, openelm")
    together = long["side_by_side_cpu_s"]
    report.add("sodarace.seeds_10000_ms.side_by_side", 1 / together, "evaluations/CPU s, openelm, four in turns")
    report.add("sodarace.threads", long["evaluations_per_s"] * total / len(seeds), "times one thread, wall, on 2")
    paper = run([program, "paper", 10_000, SECONDS], seeds)["walkers"]
    report.add("sodarace.seeds_10000_ms.paper", len(seeds) / sum(row["cpu_s"] for row in paper), "evaluations/CPU s")
    for law in ("openelm", "paper"):
        done = run([program, law, 1000, SECONDS / 2], small)
        rate = len(small) / sum(row["cpu_s"] for row in done["walkers"])
        report.add(f"sodarace.small_1000_ms.{law}.side_by_side", 1 / done["side_by_side_cpu_s"], "evaluations/CPU s of 8 to 12 joints")
        report.add(f"sodarace.small_1000_ms.{law}", rate, "evaluations/CPU s of 8 to 12 joints", at_least=5000 if law == "openelm" else None)
    if not options.peers:
        return
    python = environment()
    # pybox2d is compiled from C++, for which it needs swig.
    path = {**os.environ, "PATH": f"{python.parent}:{os.environ['PATH']}"}
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", "swig"], check=True)
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", "Box2D==2.3.10"], check=True, env=path)
    peer = run([python, HERE / "sodarace_peer.py", 10_000, SECONDS], seeds)
    same = sum(row["fitness"] == ours[row["name"]]["fitness"] for row in peer)
    report.add("sodarace.pybox2d.seeds_10000_ms", len(peer) / sum(row["cpu_s"] for row in peer), "evaluations/CPU s")
    report.add("sodarace.pybox2d.same_fitness", same, f"of {len(peer)} seeds, to the last bit")
    ratios = [row["cpu_s"] / ours[row["name"]]["cpu_s"] for row in peer]
    theirs = sum(row["cpu_s"] for row in peer)
    report.add("sodarace.times_pybox2d.side_by_side", theirs / len(peer) / together, "x over all seeds", at_least=8)
    report.add("sodarace.times_pybox2d", theirs / total, "x over all seeds, one after the other")
    report.add("sodarace.times_pybox2d.least", min(ratios), "x, of the seed with the least, one after the other")
