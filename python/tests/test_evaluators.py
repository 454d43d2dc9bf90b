"""Functions of Python that evaluate: the same runs as with an evaluator's file, whatever the function does."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
from pathlib import Path

import pytest
import samara

INITIAL = "x = 3.0\ny = -2.0\n"
SET = {"search.window": 4, "search.concurrency": 4, "environment.evaluation.slots": 2}
FILE = textwrap.dedent(
    """
    def evaluate(program_path):
        values = {}
        exec(open(program_path).read(), values)
        x, y = float(values["x"]), float(values["y"])
        return {"combined_score": -(x * x + y * y), "x": x}
    """
)


def rate(text):
    values = {}
    exec(text, values)
    x, y = float(values["x"]), float(values["y"])
    return {"combined_score": -(x * x + y * y), "x": x}


async def rate_async(text, seed):
    await asyncio.sleep(0)
    return rate(text)


@pytest.fixture
def place():
    """A folder that the sandbox of evaluators can look into: pytest's own are hidden from other users."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


def evolve(evaluator, out, iterations=60, **more):
    return samara.evolve(INITIAL, evaluator, **{"iterations": iterations, "seed": 5, "set": SET, "out": out, **more})


@pytest.fixture(scope="module")
def of_the_command_line():
    """The run under an evaluator's file; tests that need it are left out where evaluators can't be isolated."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield by_the_command_line(Path(folder))


def by_the_command_line(folder):
    (folder / "program.py").write_text(INITIAL)
    (folder / "evaluator.py").write_text(FILE)
    changes = [part for key, value in SET.items() for part in ("--set", f"{key}={value}")]
    arguments = ["evolve", "program.py", "evaluator.py", "-i", "60", "--seed", "5", "--quiet", "--out", "run", *changes]
    command = [sys.executable, "-m", "samara", *arguments]
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    if done.returncode == 4:
        pytest.skip(f"no sandbox of evaluators here: {done.stderr}")
    assert done.returncode == 0, done.stderr
    return samara.open(folder / "run")


@pytest.mark.parametrize("isolate", ["process", "thread", "async", "sandbox"])
def test_a_run_under_a_function_is_that_under_a_file_hash_for_hash(isolate, of_the_command_line, place):
    kind, function = ("thread", rate_async) if isolate == "async" else (isolate, rate)
    run = evolve(samara.evaluator(isolate=kind)(function), place / "run")
    assert run.digest == of_the_command_line.digest and run.summary["candidates"] == 61
    assert run.ended == "completed"


def test_an_evaluators_file_is_taken_as_the_command_line_takes_it(of_the_command_line, place):
    file = place / "evaluator.py"
    file.write_text(FILE)
    assert evolve(file, place / "run").digest == of_the_command_line.digest


def fates(run):
    frame = run.candidates.to_arrow().to_pydict()
    return list(zip(frame["fate"], frame["why"], strict=True))


def test_what_a_function_raises_is_a_fate_with_its_traceback(tmp_path):
    calls = []

    def rate(text):
        calls.append(text)
        if len(calls) % 2 == 0:
            raise LookupError("nothing in it")
        return 1.0

    run = evolve(samara.evaluator(isolate="thread", slots=1)(rate), tmp_path / "run", iterations=6)
    lost = [index for index, (fate, why) in enumerate(fates(run)) if why == "raised LookupError: nothing in it"]
    assert lost and all(fates(run)[index][0] == "invalid" for index in lost)
    traceback = run.artifacts(lost[0])["traceback"]
    assert "LookupError: nothing in it" in traceback and "in rate" in traceback and "_answers" not in traceback


def test_a_crash_an_exit_and_a_limit_of_time_are_one_candidate_each(tmp_path):
    marker = str(tmp_path / "calls")

    @samara.evaluator(isolate="process", timeout=60, slots=1)
    def rate(text):
        with open(marker, "a") as file:
            file.write("x")
        count = os.path.getsize(marker)
        print("call", count)
        if count == 3:
            os.kill(os.getpid(), signal.SIGSEGV)
        if count == 5:
            os._exit(7)
        return float(count)

    run = evolve(rate, tmp_path / "run", iterations=12)
    whys = [why for fate, why in fates(run) if fate == "invalid"]
    assert whys == ["was ended by signal 11", "ended its process with exit code 7"]
    crashed = next(index for index, (fate, why) in enumerate(fates(run)) if why == whys[0])
    assert run.artifacts(crashed)["stdout"] == "call 3\n"
    assert run.summary["candidates"] == 13


@pytest.mark.parametrize("isolate", ["process", "thread", "async"])
def test_a_function_that_never_returns_is_late_and_the_run_goes_on(isolate, tmp_path):
    marker = tmp_path / "calls"

    def late(text):
        with open(marker, "a") as file:
            file.write("x")
        return os.path.getsize(marker) == 3

    def wait(text):
        if late(text):
            while True:
                pass
        return 1.0

    async def wait_async(text):
        if late(text):
            await asyncio.Event().wait()
        return 1.0

    kind, function = ("thread", wait_async) if isolate == "async" else (isolate, wait)
    rated = samara.evaluator(isolate=kind, timeout=0.5, slots=1)(function)
    whys = [why or "" for _, why in fates(evolve(rated, tmp_path / "run", iterations=4))]
    assert sum("took longer than 0.5 s" in why for why in whys) >= 1, whys
    assert len(whys) == 5


def test_a_score_has_measures_metrics_and_artifacts(tmp_path):
    @samara.evaluator(isolate="thread")
    def rate(text, seed):
        assert 0 <= seed < 2**63
        return samara.Score(float(len(text)), [len(text) / 100], {"lines": text.count("\n")}, {"note": "short", "raw": b"\xff"})

    run = evolve(rate, tmp_path / "run", iterations=5, axes=[{"name": "length", "bins": 10}])
    assert run.measures == ["length"]
    row = {name: values[0] for name, values in run.candidates.to_arrow().to_pydict().items()}
    assert row["objective"] == len(INITIAL) and row["metric.length"] == len(INITIAL) / 100 and row["metric.lines"] == 2
    # Scaled by what had settled before, which is nothing.
    assert row["length"] == 0.5
    assert run.artifacts(0)["note"] == "short" and run.artifacts(0)["raw"] == b"\xff"
    with pytest.raises(samara.SamaraError, match="no candidate 99"):
        run.artifacts(99)


def test_a_program_of_several_files_is_a_dict_of_texts(tmp_path):
    seen = []

    @samara.evaluator(isolate="thread", slots=1)
    def rate(files):
        seen.append(sorted(files))
        return 1.0

    files = {"main.py": "import part\nx = 1\n", "lib/part.py": "y = 2\n"}
    samara.evolve(files, rate, iterations=2, seed=1, out=tmp_path / "run", set=SET)
    assert set(map(tuple, seen)) == {("lib/part.py", "main.py")}


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda text: "good", "no number, dict or samara.Score"),
        (lambda text: {}, "number"),
        (lambda text: 1 / 0, "ZeroDivisionError"),
        (lambda text: samara.Score(1.0, [1.0, 2.0, 3.0]), "3 numbers"),
    ],
)
def test_a_function_that_gives_the_initial_program_no_score_begins_no_run(function, message, tmp_path):
    with pytest.raises(samara.SamaraError, match=message):
        evolve(samara.evaluator(isolate="thread")(function), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_what_can_not_be_sent_to_a_child_is_told_before_a_run_begins(tmp_path):
    lock = threading.Lock()
    with pytest.raises(samara.SamaraError, match="hint: .*isolate='thread'"):
        evolve(lambda text: lock.locked(), tmp_path / "run")


def test_an_interrupted_run_goes_on_with_the_same_function_and_with_no_other(of_the_command_line, tmp_path):
    rated = samara.evaluator(isolate="process")(rate)

    def stop(event):
        if event.index == 20:
            raise LookupError

    with contextlib.suppress(LookupError):
        evolve(rated, tmp_path / "run", on_event=stop)
    assert samara.open(tmp_path / "run").ended == "interrupted"
    with pytest.raises(samara.SamaraError, match="another function"):
        samara.resume(tmp_path / "run", evaluator=lambda text: 1.0)
    with pytest.raises(samara.SamaraError, match="evaluator=rate"):
        samara.resume(tmp_path / "run")
    assert samara.resume(tmp_path / "run", evaluator=rated).digest == of_the_command_line.digest


def test_a_ctrl_c_ends_a_run_cleanly_and_leaves_no_child(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import os, samara
            def rate(text):
                print(os.getpid(), flush=True)
                return {{"combined_score": float(len(text)), "child": float(os.getpid())}}
            def hear(event):
                if event.index == 10:
                    print("ready", flush=True)
            if __name__ == "__main__":
                try:
                    samara.evolve("x = 1.0\\n", rate, iterations=10**9, out={str(tmp_path / "run")!r}, on_event=hear)
                except samara.Interrupted as interrupted:
                    told = interrupted.run
                    print(told.ended, told.summary["candidates"] > 10, flush=True)
            """
        )
    )
    process = subprocess.Popen(
        [sys.executable, script],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell that runs the tests in the background has them ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout.readline() == "ready\n"
    # To the whole group, as a terminal does.
    os.killpg(process.pid, signal.SIGINT)
    assert process.stdout.read() == "interrupted True\n" and process.wait() == 0
    children = set(samara.open(tmp_path / "run").candidates.to_arrow().column("metric.child").to_pylist())
    for child in children - {None}:
        with pytest.raises(ProcessLookupError):
            os.kill(int(child), 0)


def test_children_end_in_the_middle_of_an_evaluation_with_a_parent_that_is_killed(tmp_path):
    read, write = os.pipe()
    script = f"""
        import os, subprocess, samara
        start = subprocess.Popen.__init__
        def inherit(self, *arguments, pass_fds=(), **named):
            start(self, *arguments, pass_fds=[*pass_fds, {write}], **named)
        subprocess.Popen.__init__ = inherit
        def rate(text):
            os.write({write}, b"x")
            while True:
                pass
        samara.evolve("x = 1.0\\n", rate, out={str(tmp_path / "run")!r})
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], pass_fds=[write])
    os.close(write)
    assert os.read(read, 1) == b"x"
    process.kill()
    # The parent and its children alone hold the other end.
    while os.read(read, 1):
        pass
    os.close(read)
    process.wait()


def test_a_fork_runs_on_its_own(tmp_path):
    archive = samara.GridArchive(solution_dim=1, dims=[2], ranges=[(0, 1)])
    samara.run("function", set={"search.total_steps": 20}, out=tmp_path / "before")
    child = os.fork()
    if child == 0:
        code = 1
        with contextlib.suppress(BaseException):
            archive.add_single([1], 1.0, [0.5])
            run = samara.run("function", set={"search.total_steps": 20}, out=tmp_path / "forked")
            code = 0 if run.digest == samara.open(tmp_path / "before").digest else 2
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(archive) == 0


def test_the_file_of_a_path_is_no_text():
    with pytest.raises(samara.SamaraError, match="pathlib.Path"):
        samara.evolve(Path("program.py"), "evaluator.py")
