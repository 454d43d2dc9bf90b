"""How each system is started on a task and a model: its command, its files and where its scores come from.

Peers run by their own commands with their own defaults; only the model's address, the seed (where there is one) and the
number of evaluations are set. Their evaluator is the task's, wrapped so that each score is added to a file. Next: run.py.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import textwrap

HERE = pathlib.Path(__file__).resolve().parent
TASKS = HERE / "tasks"
# Where the peers' venvs are, one folder each; the README says how they are made.
PEERS = pathlib.Path(os.environ.get("EVOLVE_PEERS", HERE / ".peers"))
SAMARA = pathlib.Path(os.environ.get("SAMARA", HERE.parent.parent / "target/release/samara"))

RECORDING = '''\
# Evaluates as the task does and adds each score to a file.
import importlib.util
import os

spec = importlib.util.spec_from_file_location("task_evaluator", {evaluator!r})
task = importlib.util.module_from_spec(spec)
spec.loader.exec_module(task)


def evaluate(program_path):
    metrics = task.evaluate(program_path)
    log = os.open({log!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, f"{{metrics['combined_score']!r}}\\n".encode())
    os.close(log)
    return metrics
'''

SHINKA = '''\
# Shinka's protocol around the evaluator: two files in the folder of results.
import argparse
import json
import pathlib
import sys

sys.path.insert(0, {folder!r})
from evaluator import evaluate

parser = argparse.ArgumentParser()
parser.add_argument("--program_path")
parser.add_argument("--results_dir")
options, _ = parser.parse_known_args()
metrics = evaluate(options.program_path)
error = metrics.pop("error", None)
score = metrics.pop("combined_score")
folder = pathlib.Path(options.results_dir)
folder.mkdir(parents=True, exist_ok=True)
(folder / "metrics.json").write_text(json.dumps(dict(combined_score=score, public=metrics, private=dict())))
(folder / "correct.json").write_text(json.dumps(dict(correct=error is None, error=error)))
'''


class Case:
    """One run: a task, a seed, a number of evaluations after the seed program's, a model's address and a scratch folder."""

    def __init__(self, task, seed, evaluations, address, folder):
        self.task, self.seed, self.evaluations, self.address = task, seed, evaluations, address
        self.folder = pathlib.Path(folder)
        self.program = TASKS / task / "initial_program.py"
        self.log = self.folder / "scores.txt"
        self.output = self.folder / "output"

    def recording(self):
        """The evaluator that records, with a copy of the program beside it."""
        path = self.folder / "evaluator.py"
        path.write_text(RECORDING.format(evaluator=str(TASKS / self.task / "evaluator.py"), log=str(self.log)))
        (self.folder / "initial_program.py").write_bytes(self.program.read_bytes())
        return path

    def recorded(self):
        """Scores in the order in which evaluations ended, the seed program's first."""
        text = self.log.read_text() if self.log.exists() else ""
        return [float(line) for line in text.splitlines()]


def climber(case, window):
    return [sys.executable, HERE / "climber.py", case.task, "--seed", case.seed, "--window", window,
            "--evaluations", case.evaluations]  # fmt: skip


def openevolve(case):
    evaluator = case.recording()
    config = case.folder / "config.yaml"
    config.write_text(textwrap.dedent(f"""\
        random_seed: {case.seed}
        llm:
          api_base: {case.address}
          api_key: none
          models: [{{name: blind}}]
        """))
    return [PEERS / "oe/bin/openevolve-run", case.folder / "initial_program.py", evaluator, "-c", config,
            "-i", case.evaluations, "-o", case.output, "-l", "ERROR"]  # fmt: skip


def skydiscover(case, search):
    evaluator = case.recording()
    config = case.folder / "config.yaml"
    config.write_text(textwrap.dedent(f"""\
        llm:
          api_base: {case.address}
          api_key: none
          models: [{{name: blind, api_base: "{case.address}", api_key: none}}]
        search:
          type: {search}
          database: {{random_seed: {case.seed}}}
        monitor: {{enabled: false}}
        """))
    return [PEERS / "sky/bin/skydiscover-run", case.folder / "initial_program.py", evaluator, "-c", config,
            "-s", search, "-i", case.evaluations, "-o", case.output, "-l", "ERROR"]  # fmt: skip


def shinka(case):
    """Shinka has no seed; its answers are the seed's. Embeddings are off, since the model has none."""
    case.recording()
    (case.folder / "evaluate.py").write_text(SHINKA.format(folder=str(case.folder)))
    (case.folder / "initial.py").write_bytes(case.program.read_bytes())
    model = json.dumps([f"local/blind@{case.address}"])
    return [PEERS / "shinka/bin/shinka_run", "--task-dir", case.folder, "--results_dir", case.output,
            "--num_generations", case.evaluations + 1, "--set", f"evo.llm_models={model}", "--set", "evo.embedding_model=null",
            "--no-verbose"]  # fmt: skip


def samara(case, window, *settings):
    """The directory as it is, with a window and settings that differ from the defaults."""
    folder = case.folder / "task"
    shutil.copytree(TASKS / case.task, folder, ignore=shutil.ignore_patterns("__pycache__"))
    values = [f"search.window={window}", *settings]
    flags = [word for value in values for word in ("--set", value)]
    return [SAMARA, "evolve", folder, "-i", case.evaluations, "-o", case.output, "--seed", case.seed,
            "--model", "openai:blind", "--api-base", case.address, "--quiet", *flags]  # fmt: skip


# -- where the scores are --------------------------------------------------------------------------------------


def recorded(case, out):
    return case.recorded()


def printed(case, out):
    return json.loads(out)["scores"] if out else []


def settled(case, out):
    """samara's candidates in their order. One that was never evaluated (no program in the answer, or a program that was
    there before) counts as an evaluation and scores 0.
    """
    command = [str(SAMARA), "export", str(case.output), "--as", "jsonl"]
    lines = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()
    return [(json.loads(line).get("score") or {}).get("objective", 0.0) for line in lines]


class System:
    """A way to run a case: its command, whether it asks the model, and how its scores are read afterwards."""

    def __init__(self, command, scores, asks=True, model=()):
        self.command, self.scores, self.asks, self.model = command, scores, asks, model


BY_CONTENT = ("--by", "content")
ASKING = [f"environment.variation.{weight}=0" for weight in ("gp", "carry", "tune")]
SYSTEMS = {
    **{
        f"climber-w{window}" if window > 1 else "climber": System(lambda case, w=window: climber(case, w), printed, asks=False)
        for window in (1, 4, 16, 64)
    },
    "openevolve": System(openevolve, recorded),
    "shinka": System(shinka, recorded),
    "sky-topk": System(lambda case: skydiscover(case, "topk"), recorded),
    "sky-adaevolve": System(lambda case: skydiscover(case, "adaevolve"), recorded),
    # Answers by content, so that the order in which requests arrive does not change the run. By default samara changes and
    # carries over numbers without a model too; `asking` asks the model for every change.
    **{
        f"samara-w{window}": System(lambda case, w=window: samara(case, w), settled, model=BY_CONTENT)
        for window in (1, 4, 16, 64)
    },
    **{
        f"samara-asking-w{window}": System(lambda case, w=window: samara(case, w, *ASKING), settled, model=BY_CONTENT)
        for window in (1, 4, 16, 64)
    },
}
