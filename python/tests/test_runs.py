"""Runs from Python: the command line's own."""

import subprocess
import sys

import pytest
import samara

SET = {"search.total_steps": 200}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "one"
    events = []
    run = samara.run("function", seed=3, set=SET, out=folder, on_event=events.append)
    run.heard = events
    return run


def test_a_run_is_that_of_the_command_line_hash_for_hash(run, tmp_path):
    arguments = ["run", "function", "--seed", "3", "--set", "search.total_steps=200", "--quiet", "--out", tmp_path / "two"]
    subprocess.run([sys.executable, "-m", "samara", *map(str, arguments)], check=True, capture_output=True)
    assert samara.open(tmp_path / "two").digest == run.digest


def test_every_candidate_is_heard_in_order(run):
    assert [event.index for event in run.heard] == list(range(200))
    assert run.heard[-1].qd_score == run.summary["qd_score"] and run.ended == "completed"


def test_tables_are_read_by_whoever_reads_arrow(run):
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table(run.candidates)
    assert table.num_rows == 200 and table.column("index").to_pylist() == list(range(200))
    assert len(run.elites) == len(run.archive) and len(run.calls) == 0
    assert pyarrow.table(run.curves).column("candidates").to_pylist()[-1] == 200


def test_the_archive_is_a_copy_of_the_runs(run):
    assert run.archive.digest() == run.digest
    assert run.best(1)[0].objective == run.archive.stats.obj_max
    assert run._repr_html_().startswith("<svg")


def test_a_report_and_an_export_are_written(run, tmp_path):
    assert run.report(tmp_path / "report.html") == (tmp_path / "report.html").read_text()
    run.export(tmp_path / "run.csv", kind="csv")
    assert len((tmp_path / "run.csv").read_text().splitlines()) == 201


def test_what_a_listener_raises_ends_the_run_with_its_journal_intact(tmp_path):
    def listen(event):
        raise LookupError("enough")

    with pytest.raises(LookupError):
        samara.run("function", set={"search.total_steps": 100_000}, out=tmp_path / "run", on_event=listen)
    assert samara.open(tmp_path / "run").ended == "interrupted"


def test_a_run_that_was_stopped_goes_on_to_the_same_archive(run, tmp_path):
    running = samara.start("function", seed=3, set=SET, out=tmp_path / "run")
    next(iter(running))
    running.stop()
    stopped = running.wait()
    assert samara.resume(stopped.path).digest == run.digest


def test_an_unknown_experiment_is_an_error_with_a_hint_and_the_command_lines_code():
    with pytest.raises(samara.SamaraError, match="hint:") as raised:
        samara.run("functoin")
    assert raised.value.code == 2


def test_importing_samara_imports_no_numpy():
    code = "import sys, samara; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
