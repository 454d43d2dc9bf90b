"""What the dashboard costs: time and bytes of its pages, first paint in Chromium, and its share of a live run's CPU.

    cargo build --release -p samara
    nice -n 19 python3 benchmarks/dashboard/measure.py [--work FOLDER] [--repeats 5] [--only pages paint live]

`pages` and `paint` use runs of 2,000 and 100,000 candidates, which are made first (once for a folder). CPU is user +
system time of the server, or of its threads within the run's process, from /proc. Wall times are medians, with the best
and the load of the machine beside them. Exits with 1 if a goal is missed. Needs Linux; `paint` needs `chromium`.
"""

import argparse
import atexit
import gzip
import http.client
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import measure  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMARA = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/samara"
SAMARA = pathlib.Path(os.environ.get("SAMARA", SAMARA))
TICKS = os.sysconf("SC_CLK_TCK")
SCRIPT = ROOT / "crates/environments/experiments/scripts/opinions.toml"
# Texts with calls on one axis; vectors on a grid of 100 x 100, on a CVT and on islands.
RUNS = {
    "texts": ["opinions", f"models.generator=scripted:{SCRIPT}", f"models.judge=scripted:{SCRIPT}"],
    "grid": ["sphere"],
    "cvt": ["sphere", "search.algorithm=cvt_map_elites", "search.cvt.cells=1000"],
    "islands": ["sphere", "search.islands.count=4"],
}
PAGES = {
    "overview": "",
    "archive": "/archive",
    "lineage": "/lineage",
    "operators": "/operators",
    "candidate": "/candidate/100",
}


def cpu(pid, thread=None):
    """Seconds that a process, or one of its threads, has computed."""
    path = f"/proc/{pid}/task/{thread}/stat" if thread else f"/proc/{pid}/stat"
    fields = pathlib.Path(path).read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def start(command, **more):
    """A process that ends with this one, whatever happens."""
    process = subprocess.Popen(command, **more)
    atexit.register(lambda: process.poll() is None and process.kill())
    return process


def load():
    return os.getloadavg()[0]


def made(asked, work):
    """The runs, made where they are not there yet."""
    for kind in asked.kinds:
        experiment, *sets = RUNS[kind]
        for size in asked.sizes:
            out = work / "runs" / f"{kind}-{size}"
            if (out / "run.db").exists():
                continue
            command = [SAMARA, "run", experiment, "--quiet", "--seed", "1", "--out", out]
            for one in [*sets, f"search.total_steps={size}"]:
                command += ["--set", one]
            child = measure.Child(command)
            print(f"made {out.name}: {child.cpu:.1f} s of CPU, {(out / 'run.db').stat().st_size / 1e6:.0f} MB", flush=True)
    return work / "runs"


class Dashboard:
    """A server, or that of a run, and what is asked of it."""

    def __init__(self, process, line):
        self.process = process
        address = urllib.parse.urlsplit(line.split()[-1])
        self.token = urllib.parse.parse_qs(address.query)["token"][0]
        self.host, self.port = address.hostname, address.port
        self.base = f"http://{address.netloc}"
        self.headers = {"Authorization": f"Bearer {self.token}", "Accept-Encoding": "gzip"}

    @classmethod
    def of(cls, folder):
        process = start([SAMARA, "serve", folder], stderr=subprocess.PIPE, text=True)
        return cls(process, process.stderr.readline())

    def connect(self):
        return http.client.HTTPConnection(self.host, self.port, timeout=600)

    def get(self, path, connection=None):
        """The plain body, and its bytes as they travelled."""
        own = connection or self.connect()
        own.request("GET", path, headers=self.headers)
        answer = own.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{path}: status {answer.status}")
        if connection is None:
            own.close()
        packed = answer.headers.get("content-encoding") == "gzip"
        return gzip.decompress(body) if packed else body, len(body)

    def end(self):
        self.process.terminate()
        self.process.wait()


def fragment(path):
    return f"{path}{'&' if '?' in path else '?'}fragment=1"


def pages(asked, folder, report):
    """Time to answer each page, first (the journal is read) and again, and what it weighs."""
    print(f"\n{'page':28} {'first ms':>9} {'again ms':>9} {'CPU ms':>7} {'bytes':>8} {'packed':>7} {'update':>7}   load")
    largest, updates = 0, 0
    for kind in asked.kinds:
        for size in asked.sizes:
            for name, part in PAGES.items():
                path = f"/run/{kind}-{size}{part}"
                first = []
                for _ in range(asked.repeats):
                    # The run alone: a server begins to read what it serves at once.
                    server = Dashboard.of(folder / f"{kind}-{size}")
                    begun = time.monotonic()
                    server.get(path)
                    first.append((time.monotonic() - begun) * 1e3)
                    if len(first) < asked.repeats:
                        server.end()
                connection, again = server.connect(), []
                used = cpu(server.process.pid)
                count = 10 * asked.repeats
                for _ in range(count):
                    begun = time.monotonic()
                    body, packed = server.get(path, connection)
                    again.append((time.monotonic() - begun) * 1e3)
                used = (cpu(server.process.pid) - used) / count * 1e3
                _, update = server.get(fragment(path), connection)
                server.end()
                print(
                    f"{kind + '-' + str(size) + ' ' + name:28} {statistics.median(first):9.1f} {statistics.median(again):9.1f} "
                    f"{used:7.1f} {len(body):8,} {packed:7,} {update:7,}   {load():.1f}",
                    flush=True,
                )
                if size == asked.sizes[0]:
                    largest, updates = max(largest, len(body)), max(updates, update)
    report.add(f"largest page of {asked.sizes[0]:,} candidates", largest, "bytes", at_most=100_000)
    report.add(f"largest update of {asked.sizes[0]:,} candidates", updates, "bytes", at_most=20_000)


class Browser:
    """Chromium without a window, over a pair of pipes: the DevTools protocol, JSON texts with a NUL behind each."""

    def __init__(self, work):
        program = shutil.which("chromium") or shutil.which("google-chrome")
        if not program:
            raise SystemExit("there is no chromium")
        (theirs_in, self.out), (self.into, theirs_out) = os.pipe(), os.pipe()

        def pipes():
            # Copies first, in case one of them is 3 or 4 itself.
            first, second = os.dup(theirs_in), os.dup(theirs_out)
            os.dup2(first, 3)
            os.dup2(second, 4)

        flags = "--headless=new --no-sandbox --disable-gpu --remote-debugging-pipe --no-first-run --disable-sync"
        flags += " --disable-background-networking --disable-component-update --disable-dev-shm-usage --window-size=1200,900"
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        command = [program, *flags.split(), f"--user-data-dir={work}", "about:blank"]
        self.process = start(command, preexec_fn=pipes, close_fds=False, **quiet)
        os.close(theirs_in)
        os.close(theirs_out)
        self.rest, self.count, self.session = b"", 0, None
        target = next(one for one in self.ask("Target.getTargets")["targetInfos"] if one["type"] == "page")
        self.session = self.ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        self.ask("Page.enable")

    def ask(self, method, **parameters):
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self.rest:
                self.rest += os.read(self.into, 1 << 20)
            told, self.rest = self.rest.split(b"\0", 1)
            told = json.loads(told)
            if told.get("id") == self.count:
                return told.get("result", {})

    def value(self, expression):
        told = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return told.get("result", {}).get("value")

    def first_paint(self, address):
        """Milliseconds from the navigation to the first paint with content."""
        self.ask("Page.navigate", url="about:blank")
        self.ask("Page.navigate", url=address)
        while True:
            told = self.value(
                "document.readyState === 'complete' && location.protocol === 'http:' && "
                "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
            )
            if told:
                return told
            time.sleep(0.01)

    def end(self):
        self.process.kill()
        self.process.wait()


def paint(asked, folder, report):
    """First paint of each page from the address that a server has just printed, and once it has read the run. The browser is
    started before, and nothing of the server is in its cache."""
    print(f"\n{'page':28} {'first paint ms':>15} {'worst':>7} {'again':>7}   load")
    for size in asked.sizes:
        goal, slowest, read = 300 if size <= 2_000 else 1000, 0, 0
        for kind in asked.kinds:
            for name, part in PAGES.items():
                first, again = [], []
                for _ in range(asked.repeats):
                    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as data:
                        browser = Browser(data)
                        server = Dashboard.of(folder / f"{kind}-{size}")
                        address = f"{server.base}/run/{kind}-{size}{part}"
                        first.append(browser.first_paint(f"{address}?token={server.token}"))
                        again.append(browser.first_paint(address))
                        browser.end()
                        server.end()
                told, later = statistics.median(first), statistics.median(again)
                slowest, read = max(slowest, told), max(read, later)
                print(f"{kind + '-' + str(size) + ' ' + name:28} {told:15.0f} {max(first):7.0f} {later:7.0f}   {load():.1f}", flush=True)
        report.add(f"slowest first paint of {size:,} candidates", slowest, "ms", at_most=goal)
        report.add(f"slowest paint of {size:,} candidates once they are read", read, "ms", at_most=300)


class Tabs:
    """Tabs of one browser that are all seen: one event stream, and each asks for its page when its run has grown and a
    second has passed, as the dashboard's script does."""

    def __init__(self, dashboard, run, count, parts):
        self.dashboard, self.over, self.updates, self.bytes = dashboard, False, 0, 0
        self.grown = [threading.Event() for _ in range(count)]
        paths = [f"/run/{run}{parts[place % len(parts)]}" for place in range(count)]
        self.threads = [threading.Thread(target=self.hear, daemon=True)]
        for grown, path in zip(self.grown, paths):
            self.threads.append(threading.Thread(target=self.tab, args=(grown, fragment(path)), daemon=True))
        for thread in self.threads:
            thread.start()

    def hear(self):
        try:
            connection = self.dashboard.connect()
            connection.request("GET", "/events", headers=self.dashboard.headers)
            for line in connection.getresponse():
                if line.startswith(b"data:"):
                    for grown in self.grown:
                        grown.set()
        except OSError:
            pass

    def tab(self, grown, path):
        try:
            connection = self.dashboard.connect()
            while not self.over:
                grown.wait()
                grown.clear()
                _, size = self.dashboard.get(path, connection)
                self.updates += 1
                self.bytes += size
                time.sleep(1)
        except (OSError, http.client.HTTPException):
            pass


def watched(asked, work, count, parts):
    """A run that computes, with so many tabs: the dashboard's share of the CPU of its process, and what it took."""
    out = work / "live"
    shutil.rmtree(out, ignore_errors=True)
    command = [SAMARA, "run", "opinions", "--quiet", "--seed", "1", "--out", out]
    command += ["--set", f"search.total_steps={asked.live}"] + (["--serve"] if count is not None else [])
    process = start(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    tabs, threads, whole = None, {}, 0.0
    if count is not None:
        dashboard = Dashboard(process, process.stderr.readline())
        tabs = Tabs(dashboard, "live", count, parts) if count else None
    while process.poll() is None:
        try:
            whole = cpu(process.pid)
            for thread in os.listdir(f"/proc/{process.pid}/task"):
                name = pathlib.Path(f"/proc/{process.pid}/task/{thread}/comm").read_text().strip()
                if name == "dashboard":
                    threads[thread] = cpu(process.pid, thread)
        except (FileNotFoundError, ProcessLookupError):
            pass
        time.sleep(0.25)
    if tabs:
        tabs.over = True
    return {"cpu": whole, "dashboard": sum(threads.values()), "tabs": tabs}


def live(asked, work, report):
    """What serving a run that goes on takes of it."""
    print(f"\n{'tabs':24} {'run s':>8} {'dashboard s':>12} {'share':>8} {'updates':>8} {'bytes each':>11}   load")
    shares = {}
    kinds = [("none, no --serve", None, [""]), ("none", 0, [""]), ("1", 1, [""]), ("1 archive", 1, ["/archive"])]
    kinds += [("50 of one page", 50, [""]), ("50 of all pages", 50, list(PAGES.values()))]
    for name, count, parts in kinds:
        found = [watched(asked, work, count, parts) for _ in range(asked.live_repeats)]
        run = statistics.median(one["cpu"] - one["dashboard"] for one in found)
        share = statistics.median(one["dashboard"] / max(one["cpu"] - one["dashboard"], 1e-9) for one in found)
        used = statistics.median(one["dashboard"] for one in found)
        updates = sum(one["tabs"].updates for one in found if one["tabs"]) // len(found)
        size = sum(one["tabs"].bytes for one in found if one["tabs"]) // max(updates * len(found), 1)
        shares[name] = share * 100
        print(f"{name:24} {run:8.2f} {used:12.3f} {share:8.2%} {updates:8,} {size:11,}   {load():.1f}", flush=True)
    for name, goal in [("1", 2), ("1 archive", 2), ("50 of one page", 10), ("50 of all pages", 10)]:
        report.add(f"CPU of a live run with tabs: {name}", shares[name], "%", at_most=goal)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, help="where runs are made and kept (default: a folder that vanishes)")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="+", default=[2_000, 100_000], help="candidates of the runs")
    parser.add_argument("--kinds", nargs="+", choices=list(RUNS), default=list(RUNS))
    parser.add_argument("--live", type=int, default=2000, help="candidates of the live run")
    parser.add_argument("--live-repeats", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=["pages", "paint", "live"], default=["pages", "paint", "live"])
    asked = parser.parse_args()
    report = measure.Report()
    with tempfile.TemporaryDirectory() as folder:
        work = asked.work or pathlib.Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        os.environ["XDG_STATE_HOME"] = str(work / "state")
        runs = made(asked, work) if {"pages", "paint"} & set(asked.only) else None
        if "pages" in asked.only:
            pages(asked, runs, report)
        if "paint" in asked.only:
            paint(asked, runs, report)
        if "live" in asked.only:
            live(asked, work, report)
    sys.exit(1 if report.missed else 0)


if __name__ == "__main__":
    main()
