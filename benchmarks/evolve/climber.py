#!/usr/bin/env python3
"""The plain (1+1) hill climber on the model's changes, in process: the baseline that a search must beat.

`python3 climber.py TASK --seed 0 --window 1` prints one JSON object. With a window of W, candidate i is a change of the best
among the first i - W, as if W candidates were always under way. Next: run.py.
"""

import argparse
import importlib.util
import json
import pathlib
import resource
import sys
import tempfile

from mutation import generator, mutate

TASKS = pathlib.Path(__file__).resolve().parent / "tasks"


def evaluator(task):
    """The task's evaluate function."""
    spec = importlib.util.spec_from_file_location(f"evaluator_{task}", TASKS / task / "evaluator.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.evaluate


def climb(task, seed, evaluations, window):
    """Scores in the order of evaluation, the seed program's first."""
    evaluate = evaluator(task)
    seed_program = TASKS / task / "initial_program.py"
    # Programs as (score, code); of equal scores the later is the better, so that level ground is walked over.
    best = [(evaluate(str(seed_program))["combined_score"], seed_program.read_text())]
    scores = [best[0][0]]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "program.py"
        for number in range(1, evaluations + 1):
            parent = best[max(0, number - window)]
            code = mutate(parent[1], generator(seed, number))
            path.write_text(code)
            score = evaluate(str(path))["combined_score"]
            scores.append(score)
            best.append((score, code) if score >= best[-1][0] else best[-1])
    return scores


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("task")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--evaluations", type=int, default=400)
    parser.add_argument("--window", type=int, default=1)
    options = parser.parse_args()
    scores = climb(options.task, options.seed, options.evaluations, options.window)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    json.dump({"scores": scores, "cpu_s": usage.ru_utime + usage.ru_stime, "peak_mb": usage.ru_maxrss / 1024}, sys.stdout)
