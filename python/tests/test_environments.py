"""Environments of Python: whole runs of classes, with scripted models and the embedded one."""

import asyncio
import subprocess
import sys
import textwrap
import threading

import pytest
import samara

SCRIPT = """
[[complete]]
answers = ["The sea lies flat.", "Waves break the old pier.", "A gull.", "The storm eats the shore and the road behind it."]

[[score]]
lexicon = { waves = 2.0, storm = -1.0 }
noise = 0.5
"""
WINDOW = {"search.window": 6, "search.concurrency": 6, "search.init_steps": 10, "search.total_steps": 60}


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "poet.toml"
    path.write_text(SCRIPT)
    return f"scripted:{path}"


class Lines(samara.Environment):
    """Texts that a generator continues, judged by a model."""

    axes = [{"name": "length", "range": [0, 60], "bins": 6}, {"name": "liked", "range": [0, 1], "bins": 4}]
    settings = WINDOW
    asks = ["generator", "judge"]

    def plan(self, state):
        if state.fresh:
            return samara.Plan("create", data={"mood": state.random.choice(["calm", "wild"])})
        return samara.Plan("join", state.select(2))

    def write(self, plan, context):
        above = "\n".join(parent.solution for parent in plan.parents) or plan.data["mood"]
        text = context.complete(f"{above}\n", max_tokens=20, temperature=0.8).strip()
        return f"{text} {'la' * context.random.randrange(9)}"

    def evaluate(self, solution, context):
        liked = context.score(f"{solution}\nIs it good?", [" yes", " no"])[" yes"]
        return samara.Score(liked, [len(solution), liked], {"vowels": sum(c in "aeiou" for c in solution)})


def models(script, **more):
    return {"models.generator": script, "models.judge": script, **more}


def columns(run):
    return run.candidates.to_arrow().to_pydict()


def fates(run):
    told = columns(run)
    return list(zip(told["fate"], told["why"], strict=True))


def test_a_class_is_a_run_with_seeded_and_recorded_calls(script, tmp_path):
    run = samara.run(Lines(), seed=3, set=models(script), out=tmp_path / "run")
    assert run.ended == "completed" and run.summary["candidates"] == 60 and run.measures == ["length", "liked"]
    calls = run.calls.to_arrow().to_pydict()
    assert calls["role"].count("generator") == 60 and calls["role"].count("judge") >= 50
    assert run.summary["calls"] == len(calls["role"])
    assert len(set(calls["seed"])) > 100
    told = columns(run)
    assert {"create", "join"} <= set(told["operator"]) and "metric.vowels" in told
    assert set(told["fate"]) <= {"new", "improved", "not_better"}
    assert max(run.best(1)[0].measures) == len(run.best(1)[0].text)


@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_run_is_the_same_for_any_number_of_candidates_in_flight(concurrency, script, tmp_path):
    wide = samara.run(Lines(), seed=3, set=models(script), out=tmp_path / "wide")
    narrow = models(script, **{"search.concurrency": concurrency})
    assert samara.run(Lines, seed=3, set=narrow, out=tmp_path / "narrow").digest == wide.digest
    assert samara.run(Lines, seed=4, set=narrow, out=tmp_path / "other").digest != wide.digest


class Numbers(samara.Environment):
    """Lists of whole numbers as JSON, which remember what has been tried."""

    axes = [{"name": "sum", "range": [0, 40], "bins": 8}]
    settings = {**WINDOW, "search.islands.count": 1}
    solution = "json"

    def __init__(self, most=9):
        self.most = most

    def set_up(self, context):
        return [str(context.random.randrange(self.most))]

    def plan(self, state):
        tried = state.memory.get("tried", 0)
        if state.fresh:
            return samara.Plan("create", data={"first": int(state.pool[0]), "tried": tried})
        assert state.best is not None and state.best.objective == max(elite.objective for elite in state.elites)
        assert len(state.elites[:2]) <= 2 and state.elites[-1].index < state.index
        return samara.Plan("step", state.select(), {"tried": tried})

    def write(self, plan, context):
        numbers = [*plan.parents[0].solution["numbers"]] if plan.parents else [plan.data["first"]] * 4
        numbers[context.random.randrange(4)] = context.random.randrange(self.most + 1)
        return {"numbers": numbers, "tried": plan.data["tried"]}

    def evaluate(self, solution, context):
        total = sum(solution["numbers"])
        return {"combined_score": len(set(solution["numbers"])), "sum": total}

    def learn(self, memory, candidate):
        assert candidate.solution["numbers"] and candidate.fate != "invalid" and candidate.measures
        memory["tried"] = memory.get("tried", 0) + 1


def test_what_is_evolved_may_be_anything_that_json_writes_and_memory_follows_from_what_settled(tmp_path):
    run = samara.run(Numbers(), seed=1, out=tmp_path / "run")
    texts = columns(run)["text"]
    assert texts[0].startswith('{"numbers":[')
    # Candidate i is planned when all but a window had settled.
    assert [int(text.rpartition(":")[2][:-1]) for text in texts] == [max(0, i - 5) for i in range(60)]


def test_an_interrupted_run_goes_on_to_the_same_archive(tmp_path):
    whole = samara.run(Numbers(7), seed=2, out=tmp_path / "whole")
    running = samara.start(Numbers(7), seed=2, out=tmp_path / "run")
    for event in running:
        if event.index == 20:
            running.stop()
    running.wait()
    assert samara.open(tmp_path / "run").ended == "interrupted"
    with pytest.raises(samara.SamaraError, match=r"samara\.resume\(path, environment=Numbers\(\)\)"):
        samara.resume(tmp_path / "run")
    with pytest.raises(samara.SamaraError, match="has other values"):
        samara.resume(tmp_path / "run", environment=Numbers(8))
    with pytest.raises(samara.SamaraError, match="another class"):
        samara.resume(tmp_path / "run", environment=Vectors)
    assert samara.resume(tmp_path / "run", environment=Numbers(7)).digest == whole.digest


def test_an_environment_is_for_runs_of_environments(tmp_path):
    samara.run("function", set={"search.total_steps": 20}, out=tmp_path / "run")
    with pytest.raises(samara.SamaraError, match="a run of `function`"):
        samara.resume(tmp_path / "run", environment=Numbers())


class Vectors(samara.Environment):
    """Vectors, with the plans that come with the class."""

    axes = [{"name": "x", "range": [-1, 1], "bins": 10}, {"name": "y", "range": [-1, 1], "bins": 10}]
    settings = {"search.total_steps": 200, "search.init_steps": 20}
    solution = "vector"

    def write(self, plan, context):
        start = plan.parents[0].solution if plan.parents else [0.0, 0.0]
        return [min(1.0, max(-1.0, x + context.random.gauss(0, 0.3))) for x in start]

    async def evaluate(self, solution, context):
        await asyncio.sleep(0)
        return samara.Score(-sum(x * x for x in solution), solution)


def test_vectors_are_arrays_in_the_archive(tmp_path):
    run = samara.run(Vectors, seed=1, out=tmp_path / "run")
    assert run.archive.solution_dim == 2 and len(run.archive) > 30
    assert run.archive.best_elite["objective"] == run.best(1)[0].objective


def test_the_command_line_reads_the_run_and_says_who_goes_on_with_it(tmp_path):
    samara.run(Vectors, seed=1, out=tmp_path / "run")
    command = [sys.executable, "-m", "samara"]
    shown = subprocess.run([*command, "show", tmp_path / "run"], check=True, capture_output=True, text=True)
    assert "Vectors" in shown.stdout
    done = subprocess.run([*command, "resume", tmp_path / "run", "-i", "5"], check=False, capture_output=True, text=True)
    assert done.returncode == 2 and "a class of the Python program" in done.stderr


class Faulty(samara.Environment):
    """Goes wrong in the place that it is told."""

    axes = [{"name": "length", "range": [0, 10], "bins": 5}]
    settings = {"search.total_steps": 12, "search.window": 1, "search.concurrency": 1, "search.max_failures": 50}

    def __init__(self, where, what=LookupError):
        self.where, self._what = where, what

    def go(self, where, number):
        if where == self.where and number % 3 == 2:
            raise self._what("nothing\nof use")

    def plan(self, state):
        self.go("plan", state.index)
        return samara.Plan("create", data=state.index)

    def write(self, plan, context):
        self.go("write", plan.data)
        return "x" * (plan.data % 5 + 1) if plan.data % 4 else f"{plan.data}"

    def evaluate(self, solution, context):
        self.go("evaluate", len(solution))
        return samara.Score(1.0, [len(solution)])

    def learn(self, memory, candidate):
        self.go("learn", candidate.index)


@pytest.mark.parametrize(("where", "fate"), [("plan", "failed"), ("write", "failed"), ("evaluate", "invalid")])
def test_what_a_method_raises_is_a_fate_with_its_traceback(where, fate, tmp_path):
    run = samara.run(Faulty(where), seed=1, out=tmp_path / "run")
    lost = [index for index, (ended, _) in enumerate(fates(run)) if ended == fate]
    assert lost and run.summary["candidates"] == 12 and len(lost) < 12
    stage = "" if where == "evaluate" else f"{where} "
    assert fates(run)[lost[0]][1] == f"{stage}raised LookupError: nothing"
    traceback = run.artifacts(lost[0])["traceback"]
    assert "LookupError: nothing\nof use" in traceback and f"in {where}" in traceback and "_hosting" not in traceback


def test_a_set_up_that_fails_begins_no_run(tmp_path):
    class Unprepared(Vectors):
        def set_up(self, context):
            raise LookupError("no pool")

    with pytest.raises(samara.SamaraError, match="set_up raised LookupError: no pool") as raised:
        samara.run(Unprepared, out=tmp_path / "run")
    assert raised.value.code == 2 and not (tmp_path / "run").exists()


def test_what_learn_raises_is_the_fate_of_all_that_is_planned_later(tmp_path):
    told = fates(samara.run(Faulty("learn"), seed=1, out=tmp_path / "run"))
    assert told[2][0] != "failed" and {why for _, why in told[3:]} == {"learn raised LookupError: nothing"}


@pytest.mark.parametrize("where", ["write", "evaluate"])
def test_a_candidate_that_is_called_invalid_keeps_no_traceback(where, tmp_path):
    run = samara.run(Faulty(where, samara.Invalid), seed=1, out=tmp_path / "run")
    lost = [index for index, (ended, _) in enumerate(fates(run)) if ended == "invalid"]
    assert fates(run)[lost[0]][1] == "nothing" and "traceback" not in run.artifacts(lost[0])


def test_failures_in_a_row_end_the_run_and_say_why(tmp_path):
    class Never(Vectors):
        def write(self, plan, context):
            raise LookupError("never")

    with pytest.raises(samara.SamaraError, match="write raised LookupError: never"):
        samara.run(Never, set={"search.max_failures": 5}, out=tmp_path / "run")


def test_a_late_method_is_left_behind_and_the_run_goes_on(tmp_path, script):
    free, first = threading.Event(), threading.Lock()

    class Late(Lines):
        timeout = 2.0
        settings = {**WINDOW, "search.total_steps": 8}

        def write(self, plan, context):
            if first.acquire(blocking=False):
                free.wait(600)
            return super().write(plan, context)

    run = samara.run(Late(), set=models(script), out=tmp_path / "run")
    free.set()
    assert "took longer than 2 s (environment.timeout_s)" in [why for _, why in fates(run)]
    assert run.summary["candidates"] == 8


def test_a_budget_of_calls_ends_the_run(tmp_path, script):
    run = samara.run(Lines, set=models(script, **{"search.budget.calls": 20}), out=tmp_path / "run")
    assert run.ended == "budget" and run.summary["calls"] <= 20


def test_a_call_that_the_class_does_not_declare_is_a_fate_with_a_hint(tmp_path, script):
    class Embeds(Lines):
        def evaluate(self, solution, context):
            return context.embed([solution])[0][0]

    run = samara.run(Embeds, set=models(script, **{"search.total_steps": 3}), out=tmp_path / "run")
    assert {fate for fate, _ in fates(run)} == {"invalid"}
    assert "hint: add 'embedder' to asks" in run.artifacts(0)["traceback"]


def test_a_model_that_can_not_be_reached_ends_the_run_whatever_the_class_does(tmp_path, script):
    class Stubborn(Lines):
        def write(self, plan, context):
            try:
                return super().write(plan, context)
            except samara.Unanswered:
                return "instead"

    script_path = script.removeprefix("scripted:")
    with open(script_path, "w") as file:
        file.write(SCRIPT.replace('[[complete]]\n', '[[complete]]\ncontains = "nothing of this"\n'))
    with pytest.raises(samara.SamaraError, match="generator"):
        samara.run(Stubborn, set=models(script), out=tmp_path / "run")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"axes": []}, "an archive needs an axis"),
        ({"solution": "picture"}, "text, json or vector"),
        ({"asks": ["generator", "oracle"]}, "oracle"),
        ({"settings": {"search.totl_steps": 5}}, "totl_steps"),
        ({"settings": {}}, "models.generator"),
        ({"timeout": 0}, "timeout_s"),
    ],
)
def test_declarations_that_can_not_be_used_begin_no_run(change, message, script, tmp_path):
    changed = type("Changed", (Lines,), change)
    given = {} if change == {"settings": {}} else models(script)
    with pytest.raises(samara.SamaraError, match=message):
        samara.run(changed, set=given, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_evaluation_without_a_measure_of_each_axis_fails(tmp_path):
    class Flat(Vectors):
        settings = {"search.total_steps": 4, "search.max_failures": 50}

        def evaluate(self, solution, context):
            return {"combined_score": 1.0, "x": 0.5}

    class Endless(Flat):
        def evaluate(self, solution, context):
            return {"combined_score": 1.0, "x": float("nan"), "y": 0.0}

    flat, endless = (fates(samara.run(one, out=tmp_path / one.__name__)) for one in (Flat, Endless))
    assert set(flat) == {("failed", "evaluate gave no measure `y`, which axes name")}
    assert set(endless) == {("invalid", "`x` is nan")}


def test_the_embedded_model_writes_and_judges(tmp_path):
    model = {"models.generator": "embedded", "models.judge": "embedded", "search.total_steps": 6, "search.init_steps": 3}
    run = samara.run(Lines, seed=1, set=model, out=tmp_path / "run")
    assert run.summary["candidates"] == 6 and len(run.archive) >= 1
    assert all(seed > 0 for seed in run.calls.to_arrow().to_pydict()["seed"])


def test_an_answer_that_is_recorded_is_replayed_from_a_cache(tmp_path, script):
    cache = {"cache.path": str(tmp_path / "answers.db")}
    first = samara.run(Lines, seed=3, set=models(script, **cache), out=tmp_path / "first")
    again = samara.run(Lines, seed=3, set=models(script, **cache), out=tmp_path / "again")
    assert again.digest == first.digest


def test_the_class_of_a_notebook_has_a_text(tmp_path):
    code = textwrap.dedent(
        """
        import sys, samara
        from samara._hosting import text
        names = {"__name__": "__main__", "samara": samara}
        exec('class Cell(samara.Environment):\\n    bins = 4\\n    def write(self, plan, context):\\n        return "x"\\n', names)
        told = text(names["Cell"]())
        assert told.startswith("# Cell with {}") and "bins = 4" in told, told
        """
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
