"""What evaluations on workers cost: CPU per evaluation over HTTP and NATS, the share of the ideal rate, and how far a
coordinator scales. Prints a table; CPU is user + system time of all processes, the broker's too.

    cargo build --release -p samara-engine --example workers
    cargo build --release -p samara --features nats                                       (for models)
    python3 benchmarks/workers/measure.py [--nats target/nats/bin/nats-server] [cost] [rate] [scale] [models]
"""

import argparse
import json
import os
import pathlib
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/examples/workers"
SAMARA = os.environ.get("SAMARA", PROGRAM.parents[1] / "samara")
PROGRAM = os.environ.get("SAMARA_WORKERS_EXAMPLE", PROGRAM)


def cpu(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Broker:
    def __init__(self, program):
        self.folder = tempfile.TemporaryDirectory()
        number = port()
        self.url = f"nats://127.0.0.1:{number}"
        arguments = ["--addr", "127.0.0.1", "--port", str(number), "--jetstream", "--store_dir", self.folder.name]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen([program, *arguments], **quiet)
        while True:
            try:
                socket.create_connection(("127.0.0.1", number)).close()
                return
            except OSError:
                time.sleep(0.02)

    def end(self):
        used = cpu(self.process.pid)
        self.process.kill()
        self.process.wait()
        return used


def measured(way, steps, window, ms, processes, slots, count, server):
    """A run over one way: its figures, with the CPU of all processes."""
    broker = Broker(server) if way == "nats" else None
    url = broker.url if broker else "http://127.0.0.1:0" if way == "http" else "none"
    arguments = [PROGRAM, "coordinator", url, str(steps), str(window), str(ms)]
    coordinator = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    workers = []
    if way != "none":
        address = coordinator.stdout.readline().strip()
        one = [PROGRAM, "worker", address, str(slots), str(ms), str(count)]
        workers = [subprocess.Popen(one, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    figures = json.loads(coordinator.stdout.readline())
    figures["load"] = os.getloadavg()[0]
    coordinator.wait()
    # What was used before and behind the run is small, and counted.
    figures["workers_cpu_s"] = sum(json.loads(worker.communicate()[0])["cpu_s"] for worker in workers)
    figures["broker_cpu_s"] = broker.end() if broker else 0.0
    figures["all_cpu_s"] = figures["cpu_s"] + figures["workers_cpu_s"] + figures["broker_cpu_s"]
    return figures


SCRIPT = """
complete = [{ answers = ["I love it.", "I hate it.", "It is fine.", "It was late.", "Nobody knows."] }]
score = [{ noise = 3.0 }]
"""


def used(process):
    """The CPU of a process that ends."""
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, status
    return usage.ru_utime + usage.ru_stime


def asked_by_workers(way, steps, server):
    """A run of texts whose models answer at once, asked by a worker: its summary, with the CPU of all processes."""
    with tempfile.TemporaryDirectory() as folder:
        script = pathlib.Path(folder, "script.toml")
        script.write_text(SCRIPT)
        models = pathlib.Path(folder, "models.toml")
        models.write_text('[models.script]\nprovider = "scripted"\nscript = "script.toml"\n')
        broker = Broker(server) if way == "nats" else None
        url = broker.url if broker else f"http://127.0.0.1:{port()}"
        run = [SAMARA, "run", "opinions", "--quiet", "--format", "json", "--out", f"{folder}/run"]
        for setting in (f"search.total_steps={steps}", *(f"models.{r}=scripted:{script}" for r in ("generator", "judge"))):
            run += ["--set", setting]
        if way != "none":
            run += ["--workers", url, "--worker-write", "remote"]
        environment = {**os.environ, "SAMARA_WORKER_TOKEN": "0123456789abcdef0123456789abcdef"}
        run = subprocess.Popen(run, stdout=subprocess.PIPE, text=True, env=environment)
        total = 0.0
        if way != "none":
            worker = [SAMARA, "worker", "--connect", url, "--slots", "0", "--questions", "32", "--models", models]
            worker = subprocess.Popen([*worker, "--quiet", "--give-up", "5"], env=environment)
        summary = json.loads(run.stdout.read())
        total += used(run)
        if way != "none":
            total += used(worker)
        if broker:
            total += broker.end()
        return {**summary, "all_cpu_s": total, "load": os.getloadavg()[0]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nats", default=str(ROOT / "target/nats/bin/nats-server"))
    parser.add_argument("what", nargs="*", default=["cost", "rate", "scale", "models"])
    asked = parser.parse_args()
    ways = ["http"] + (["nats"] if pathlib.Path(asked.nats).exists() else [])
    if "cost" in asked.what:
        steps = 10_000
        alone = measured("none", steps, 64, 0, 0, 0, 0, asked.nats)
        print(f"cost  alone: {alone['all_cpu_s'] / steps * 1e3:.3f} ms CPU an evaluation")
        for way in ways:
            found = measured(way, steps, 64, 0, 1, 16, 1, asked.nats)
            more = (found["all_cpu_s"] - alone["all_cpu_s"]) / steps * 1e3
            parts = [found[part] / steps * 1e3 for part in ("cpu_s", "workers_cpu_s", "broker_cpu_s")]
            same = "same archive" if found["hash"] == alone["hash"] else "ANOTHER ARCHIVE"
            print(
                f"cost  {way}: {more:.3f} ms CPU an evaluation more than alone (coordinator {parts[0]:.3f}, "
                f"worker {parts[1]:.3f}, broker {parts[2]:.3f}), {same}, load {found['load']:.1f}"
            )
    if "rate" in asked.what:
        steps = 25_600
        for way in ways:
            found = measured(way, steps, 96, 50, 4, 8, 1, asked.nats)
            ideal = steps / (32 / 0.05)
            print(
                f"rate  {way}: {ideal / found['wall_s']:.1%} of the ideal rate of 32 slots on 4 workers, evaluations of "
                f"50 ms; {found['all_cpu_s'] / found['wall_s']:.2f} cores, load {found['load']:.1f}"
            )
    if "scale" in asked.what:
        steps = 20_000
        for way in ways:
            found = measured(way, steps, 2048, 2000, 1, 4, 250, asked.nats)
            ideal = steps / (1000 / 2.0)
            print(
                f"scale {way}: {ideal / found['wall_s']:.1%} of the ideal rate of 1,000 slots on 250 virtual workers, "
                f"evaluations of 2 s; coordinator {found['cpu_s'] / found['wall_s']:.2f} cores, all "
                f"{found['all_cpu_s'] / found['wall_s']:.2f}, load {found['load']:.1f}"
            )
    if "models" in asked.what:
        steps = 2000
        alone = asked_by_workers("none", steps, asked.nats)
        print(f"models alone: {alone['all_cpu_s'] / alone['calls'] * 1e3:.3f} ms CPU a question")
        for way in ways:
            found = asked_by_workers(way, steps, asked.nats)
            more = (found["all_cpu_s"] - alone["all_cpu_s"]) / alone["calls"] * 1e3
            same = "same archive" if found["archive_hash"] == alone["archive_hash"] else "ANOTHER ARCHIVE"
            print(
                f"models {way}: {more:.3f} ms CPU a question more than alone, of {alone['calls']}, {same}, "
                f"load {found['load']:.1f}"
            )


if __name__ == "__main__":
    main()
