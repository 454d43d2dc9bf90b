# What a warm server of evaluators runs: it imports the user's evaluator once, and calls it by the protocol that it
# speaks, each time in a child of its own.
#
# `CONFIG` says what to import and how: JSON, put before this text as SAMARA_CONFIG, with the evaluator's SAMARA_FOLDER.
# `evaluate(request)` runs one stage and answers with plain data: metrics and artifacts by name, or `raised`, `refused`
# (the candidate is no answer, for this reason) or `trouble` (the evaluator is at fault). What metrics mean, how stages
# are merged and what a score is belongs to the host. `python3 harness.py CONFIG FOLDER ANSWER < REQUEST` runs it
# without the warm server.

import ast
import asyncio
import base64
import hashlib
import importlib.util
import inspect
import json
import math
import os
import shlex
import shutil
import subprocess
import sys
import traceback
import types

# Characters of a text that is sent to the host, which keeps less.
MOST_CHARACTERS = 200_000
# Metrics and artifacts of one evaluation.
MOST_ENTRIES = 1000
# Bytes of a command's output that are kept to look for its last line.
TAIL = 1 << 20
# What AlphaEvolve's evaluators give for a candidate that has no score.
SENTINEL = -1e12
STAGES = ("evaluate_stage1", "evaluate_stage2", "evaluate_stage3")


class EvaluatorFault(Exception):
    """The evaluator can't be used as it is."""


# --- results, as OpenEvolve's evaluators import them -----------------------------------------------------------------


class EvaluationResult:
    """Metrics and artifacts of an evaluation."""

    def __init__(self, metrics, artifacts=None):
        self.metrics = metrics
        self.artifacts = {} if artifacts is None else artifacts

    def __repr__(self):
        return f"EvaluationResult(metrics={self.metrics!r}, artifacts={self.artifacts!r})"

    def __eq__(self, other):
        if not isinstance(other, EvaluationResult):
            return NotImplemented
        return (self.metrics, self.artifacts) == (other.metrics, other.artifacts)

    __hash__ = None

    @classmethod
    def from_dict(cls, metrics):
        return cls(metrics=metrics)

    def to_dict(self):
        return self.metrics

    def has_artifacts(self):
        return len(self.artifacts) > 0

    def get_artifact_keys(self):
        return list(self.artifacts)

    def get_artifact_size(self, key):
        if key not in self.artifacts:
            return 0
        body = self.artifacts[key]
        return len(body) if isinstance(body, bytes) else len(str(body).encode("utf-8"))

    def get_total_artifact_size(self):
        return sum(map(self.get_artifact_size, self.artifacts))


def offer_results():
    """Makes `openevolve.evaluation_result` importable. Other parts of an installed openevolve stay reachable."""
    try:
        installed = importlib.util.find_spec("openevolve")
    except (ImportError, ValueError):
        installed = None
    package = types.ModuleType("openevolve")
    package.__path__ = list(installed.submodule_search_locations or []) if installed else []
    results = types.ModuleType("openevolve.evaluation_result")
    results.EvaluationResult = EvaluationResult
    EvaluationResult.__module__ = results.__name__
    package.EvaluationResult = EvaluationResult
    package.evaluation_result = results
    sys.modules[package.__name__] = package
    sys.modules[results.__name__] = results


# --- candidates ------------------------------------------------------------------------------------------------------


class Fields(dict):
    """A dict whose entries are attributes too: evaluators read candidates in both ways."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def model_dump(self):
        return dict(self)


def files_of(folder):
    found = []
    for place, folders, names in os.walk(folder):
        folders.sort()
        found += [os.path.join(place, name) for name in names]
    return sorted(found)


class Candidate(Fields):
    """What AlphaEvolve's `evaluate(candidate)` gets: `content.files`, and `code`, `path` and `files` beside it."""

    def __init__(self, program, folder):
        paths = [program] + [path for path in files_of(folder) if path != program]
        files = [Fields(path=os.path.relpath(path, folder), content=read_text(path)) for path in paths]
        super().__init__(content=Fields(files=files))
        self.__dict__.update(code=files[0].content, path=program, folder=folder, files=files)


class CalledApart:
    """A candidate that runs elsewhere: its attributes are functions, which are called through the host."""

    def __init__(self):
        self.__dict__["Error"] = globals().get("CandidateError", RuntimeError)

    def __getattr__(self, entry):
        if entry.startswith("__"):
            raise AttributeError(entry)

        def call(*arguments, **named):
            if named:
                raise TypeError(f"candidate.{entry}() takes positional arguments only: it runs in another process")
            return candidate_call(entry, [plain(argument) for argument in arguments])  # noqa: F821

        call.__name__ = entry
        return call


def plain(value):
    """A value without numpy's types, for what carries values to another process."""
    if hasattr(value, "tolist") and not isinstance(value, (bytes, str)):
        return value.tolist()
    if isinstance(value, dict):
        return {plain(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(plain, value)) if type(value) in (list, tuple) else list(map(plain, value))
    return value


# --- what is sent to the host ----------------------------------------------------------------------------------------


def shortened(text):
    if len(text) <= MOST_CHARACTERS:
        return text
    half = MOST_CHARACTERS // 2
    return text[:half] + "\n[...]\n" + text[-half:]


def sendable(text):
    """A text that is valid UTF-8, whatever a program put into it."""
    return shortened(text.encode("utf-8", "replace").decode("utf-8"))


def shown(value):
    """Any value as a text."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError, RecursionError):
        return repr(value)


def number(value):
    """A float as JSON has it: those that JSON lacks by their names."""
    return value if math.isfinite(value) else ("nan" if math.isnan(value) else "inf" if value > 0 else "-inf")


def scalar(value):
    """The Python number or flag in a scalar of numpy, torch or the like; the value itself otherwise."""
    if isinstance(value, (bool, int, float, str, bytes, dict, list, tuple)) or value is None:
        return value
    try:
        if callable(getattr(value, "item", None)) and tuple(value.shape) in ((), (1,)):
            return value.item()
        return value if isinstance(value, complex) else float(value)
    except (AttributeError, TypeError, ValueError, OverflowError):
        return value


def measured(value):
    """A metric: a number, a flag, a text (with the number that it reads as), nothing, or something else as a text."""
    value = scalar(value)
    if value is None:
        return {"nothing": True}
    if isinstance(value, bool):
        return {"flag": value}
    if isinstance(value, (int, float)):
        try:
            return {"number": number(float(value))}
        except OverflowError:
            return {"other": sendable(str(value))}
    if isinstance(value, str):
        entry = {"text": sendable(value)}
        try:
            entry["reads_as"] = number(float(value))
        except ValueError:
            pass
        return entry
    return {"other": sendable(shown(value))}


def artifact(value):
    if isinstance(value, (bytes, bytearray)):
        body = bytes(value)
        try:
            return {"text": sendable(body.decode("utf-8"))}
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(body[:MOST_CHARACTERS]).decode("ascii"), "cut": len(body) > MOST_CHARACTERS}
    return {"text": sendable(shown(value))}


def answer(metrics, artifacts, **more):
    """Metrics and artifacts as the host reads them. Artifacts nested in the metrics are artifacts."""
    metrics = dict(metrics)
    nested = metrics.get("artifacts")
    if isinstance(nested, dict):
        del metrics["artifacts"]
        artifacts = {**nested, **artifacts}
    if len(metrics) > MOST_ENTRIES or len(artifacts) > MOST_ENTRIES:
        raise EvaluatorFault(f"the evaluator returned more than {MOST_ENTRIES} metrics or artifacts")
    return {
        "metrics": [[sendable(str(name)), measured(value)] for name, value in metrics.items()],
        "artifacts": [[sendable(str(name)), artifact(value)] for name, value in artifacts.items()],
        **more,
    }


def raised(error):
    """An exception of the evaluator or the candidate, without the frames of this file."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_globals is globals():
        trace = trace.tb_next
    text = "".join(traceback.format_exception(type(error), error, trace))
    return {
        "kind": type(error).__name__,
        "message": sendable(str(error)),
        "traceback": sendable(text),
        "module": sendable(str(getattr(error, "name", None) or "")) if isinstance(error, ImportError) else "",
    }


# --- protocols -------------------------------------------------------------------------------------------------------


def finished(result):
    """What a coroutine comes to; anything else is there already."""
    if not inspect.isawaitable(result):
        return result

    async def wait():
        return await result

    return asyncio.run(wait())


def of_openevolve(result):
    if isinstance(result, dict):
        return answer(result, {})
    metrics, artifacts = getattr(result, "metrics", None), getattr(result, "artifacts", None)
    if isinstance(metrics, dict) and (artifacts is None or isinstance(artifacts, dict)):
        return answer(metrics, artifacts or {})
    kind = type(result).__name__
    raise EvaluatorFault(f"the evaluator returned {kind}, which is neither a dict of metrics nor an EvaluationResult")


def field(value, name):
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)


def of_alphaevolve(result):
    scores = field(result, "scores")
    scores = scores if isinstance(scores, (list, tuple)) else field(scores, "scores")
    if not isinstance(scores, (list, tuple)) or not scores:
        raise EvaluatorFault(
            "the evaluator returned no list `scores.scores` of metrics with scores: if it returns a dict of metrics, set "
            'environment.evaluation.protocol = "openevolve"'
        )
    metrics, without = {}, []
    for entry in scores:
        name, score = field(entry, "metric"), scalar(field(entry, "score"))
        if not isinstance(name, str) or not name.strip() or name in metrics:
            raise EvaluatorFault(f"the evaluator returned a score whose metric is {name!r}: each needs a name of its own")
        if isinstance(score, bool) or not (score is None or isinstance(score, (int, float))):
            raise EvaluatorFault(f"the evaluator returned {score!r} as the score of {name}: it must be a number or None")
        if score is None or not math.isfinite(score) or score == SENTINEL:
            without.append(name)
        metrics[name] = score
    insights = field(result, "insights")
    insights = insights if isinstance(insights, (list, tuple)) else field(insights, "insights")
    artifacts = {}
    for place, insight in enumerate(insights or []):
        label = str(field(insight, "label") or f"insight {place + 1}")
        artifacts[label if label not in artifacts else f"{label} {place + 1}"] = field(insight, "text")
    more = {"refused": "the evaluator gave no score for " + ", ".join(without)} if without else {}
    return answer(metrics, artifacts, **more)


def of_shinka(request):
    results = os.path.join(os.path.dirname(os.path.abspath(request["folder"])), "results")
    shutil.rmtree(results, ignore_errors=True)
    os.makedirs(results)
    words = [sys.executable, EVALUATOR, "--program_path", request["program"], "--results_dir", results]
    for name, value in CONFIG["arguments"].items():
        words += [f"--{name}", str(value)]
    code = subprocess.run(words, check=False, cwd=CONFIG["folder"]).returncode
    told = {}
    for name in ("metrics", "correct"):
        path = os.path.join(results, f"{name}.json")
        if not os.path.exists(path):
            why = f"the evaluator wrote no {name}.json"
            return answer({}, {}, refused=f"{why} and ended with exit code {code}" if code else why)
        try:
            told[name] = json.loads(read_text(path))
        except ValueError as error:
            raise EvaluatorFault(f"the evaluator wrote a {name}.json that is no JSON: {error}") from None
        if not isinstance(told[name], dict):
            raise EvaluatorFault(f"the evaluator wrote a {name}.json that is no object")
    metrics = {}
    for name, value in told["metrics"].items():
        if name == "public" and isinstance(value, dict):
            metrics.update(value)
        elif name == "private" and isinstance(value, dict):
            metrics.update({f"private.{inner}": entry for inner, entry in value.items()})
        elif name not in ("extra_data", "text_feedback"):
            metrics[name] = value
    feedback = told["metrics"].get("text_feedback")
    artifacts = {"text_feedback": feedback} if feedback else {}
    if told["correct"].get("correct") is not True:
        why = told["correct"].get("error") or "correct.json does not say that it is correct"
        return answer(metrics, artifacts, refused=f"incorrect: {sendable(shown(why))}")
    if "combined_score" not in metrics:
        raise EvaluatorFault("the evaluator wrote a metrics.json without `combined_score`")
    return answer(metrics, artifacts)


def of_command(request):
    put = {"{program}": request["program"], "{folder}": request["folder"]}
    words = []
    for word in CONFIG["command"]:
        for name, value in put.items():
            word = word.replace(name, value)
        words.append(word)
    try:
        process = subprocess.Popen(words, stdout=subprocess.PIPE, cwd=CONFIG["folder"])
    except OSError as error:
        raise EvaluatorFault(f"{words[0]} can't be started: {error.strerror}") from None
    tail = b""
    with process:
        while block := process.stdout.read1(1 << 16):
            sys.stdout.buffer.write(block)
            tail = (tail + block)[-TAIL:]
    sys.stdout.flush()
    if process.returncode:
        end = f"exit code {process.returncode}" if process.returncode > 0 else f"signal {-process.returncode}"
        return answer({}, {}, refused=f"the command ended with {end}")
    lines = [line for line in tail.decode("utf-8", "replace").splitlines() if line.strip()]
    try:
        told = json.loads(lines[-1]) if lines else None
    except ValueError:
        told = None
    if isinstance(told, dict):
        return answer(told, {})
    if isinstance(told, (int, float)) and not isinstance(told, bool):
        return answer({"combined_score": told}, {})
    last = f": its last line is {lines[-1].strip()[:100]!r}" if lines else ": it printed nothing"
    return answer({}, {}, refused=f"the command printed no number and no JSON object on its last line{last}")


# --- the evaluator ---------------------------------------------------------------------------------------------------


def read_text(path):
    with open(path, encoding="utf-8", errors="replace", newline="") as file:
        return file.read()


def check_files():
    """Refuses an evaluator that is another one than the run began with: its scores could not be compared."""
    for name, digest in CONFIG["files"].items():
        try:
            with open(os.path.join(CONFIG["folder"], name), "rb") as file:
                body = file.read()
        except OSError as error:
            raise EvaluatorFault(f"{name} can't be read: {error.strerror}") from None
        if hashlib.sha256(body.removeprefix(b"\xef\xbb\xbf")).hexdigest() != digest:
            raise EvaluatorFault(f"{name} is not what the run has recorded: put it back, or go on with --inputs current")


def defined(tree):
    """The names that a module binds, and the function definitions at its top level."""
    names, functions = set(), {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update((alias.asname or alias.name) for alias in node.names)
    blocks = [tree.body]
    while blocks:
        for node in blocks.pop():
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                names.add(node.name)
                functions[node.name] = node
            elif isinstance(node, ast.Assign):
                names.update(target.id for target in node.targets if isinstance(target, ast.Name))
            elif isinstance(node, (ast.If, ast.Try, ast.With)):
                blocks += [getattr(node, part) for part in ("body", "orelse", "finalbody") if getattr(node, part, None)]
    return names, functions


def detect(text, path):
    """The protocol that an evaluator speaks, by its text."""
    name = os.path.basename(path)
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise EvaluatorFault(f"{name} does not compile: {error}") from None
    names, functions = defined(tree)
    words = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    shinka = {"--program_path", "--results_dir"} <= words
    if not names & {"evaluate", "*"}:
        if shinka:
            return "shinka"
        raise EvaluatorFault(
            f"{name} defines no function evaluate(program_path), and takes no --program_path and --results_dir"
        )
    found = ["shinka"] if shinka else []
    node = functions.get("evaluate")
    parameters = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)] if node else []
    if parameters[:1] == ["candidate"] and not CONFIG["hidden"]:
        found.append("alphaevolve")
        if names & set(STAGES):
            found.append("openevolve")
    elif not (shinka and "results_dir" in parameters):
        found.append("openevolve")
    if len(found) > 1:
        why = {
            "shinka": "it takes --program_path and --results_dir",
            "alphaevolve": "it defines evaluate(candidate)",
            "openevolve": "it defines evaluate_stage1" if "alphaevolve" in found else "it defines evaluate()",
        }
        reasons = " and ".join(f"`{protocol}` ({why[protocol]})" for protocol in found)
        raise EvaluatorFault(f"{name} could speak {reasons}: set environment.evaluation.protocol")
    return found[0]


def check_arguments(function, arguments):
    """Refuses arguments that can't be passed beside the program, before anything is evaluated."""
    if not arguments:
        return
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return
    taken = signature.parameters.values()
    anything = any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken)
    by_name = {p.name for p in taken if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    unknown = [] if anything else sorted(set(arguments) - by_name)
    why = f"it has no parameter {', '.join(unknown)}" if unknown else ""
    if not why:
        try:
            signature.bind(object(), **arguments)
        except TypeError as error:
            why = str(error)
    if why:
        raise EvaluatorFault(
            f"evaluate{signature} can't be called with environment.evaluation.arguments ({', '.join(sorted(arguments))}): {why}"
        )


def import_evaluator(path):
    spec = importlib.util.spec_from_file_location("evaluation_module", path)
    if spec is None or spec.loader is None:
        raise EvaluatorFault(f"{os.path.basename(path)} is no Python file: an evaluator in another language is a command")
    module = importlib.util.module_from_spec(spec)
    sys.modules["evaluation_module"] = module
    try:
        spec.loader.exec_module(module)
    except ModuleNotFoundError as error:
        raise EvaluatorFault(
            f"{os.path.basename(path)} needs the module `{error.name}`, which {sys.executable} does not have: "
            "set environment.evaluation.python to an interpreter or a virtual environment that has it"
        ) from None
    for name in ["evaluate", CONFIG["recheck"]]:
        if name and not callable(getattr(module, name, None)):
            raise EvaluatorFault(f"{os.path.basename(path)} defines no function {name}(program_path)")
    check_arguments(module.evaluate, CONFIG["arguments"])
    return module


def set_up():
    """The protocol, and the evaluator's module where it is called in this process."""
    sys.dont_write_bytecode = True
    check_files()
    sys.path.insert(0, CONFIG["folder"])
    if CONFIG["command"]:
        first = CONFIG["command"][0]
        if shutil.which(first) is None and not os.path.exists(os.path.join(CONFIG["folder"], first)):
            raise EvaluatorFault(f"there is no command `{first}` (environment.evaluation.command)")
        return "command", None
    protocol = CONFIG["protocol"] or detect(read_text(EVALUATOR), EVALUATOR)
    if protocol == "shinka":
        if CONFIG["hidden"] or CONFIG["recheck"]:
            key = "hidden" if CONFIG["hidden"] else "recheck"
            raise EvaluatorFault(f"an evaluator of Shinka's protocol has no function to call (environment.evaluation.{key})")
        return protocol, None
    offer_results()
    return protocol, import_evaluator(EVALUATOR)


def stages():
    """The functions of the cascade, in their order; none if it has no first one or isn't wanted."""
    found = [name for name in STAGES if hasattr(MODULE, name)]
    return found if CONFIG["cascade"] and PROTOCOL == "openevolve" and found[:1] == [STAGES[0]] else []


def call(request):
    """Calls the function of a stage."""
    name = request["stage"]
    function = getattr(MODULE, name)
    if CONFIG["hidden"]:
        candidate = CalledApart()
    elif PROTOCOL == "alphaevolve":
        candidate = Candidate(request["program"], request["folder"])
    else:
        candidate = request["program"]
    # As upstream, arguments are those of evaluate() alone.
    arguments = CONFIG["arguments"] if name == "evaluate" else {}
    result = finished(function(candidate, **arguments))
    return of_alphaevolve(result) if PROTOCOL == "alphaevolve" else of_openevolve(result)


def evaluate(request):
    """Runs a stage: `first` (of the cascade, or the whole evaluation), or a function by its name."""
    cascade = stages()
    if request["stage"] == "first":
        request = {**request, "stage": cascade[0] if cascade else "evaluate"}
    wanted = os.environ.get("ENABLE_ARTIFACTS", "true").lower() == "true"
    told = {"ran": request["stage"], "stages": cascade, "wants_artifacts": wanted}
    if request["several"]:
        sys.path.insert(1, request["folder"])
    try:
        run = {"shinka": of_shinka, "command": of_command}.get(PROTOCOL, call)
        return {**told, **run(request)}
    except EvaluatorFault as fault:
        return {**told, "trouble": sendable(str(fault))}
    except BaseException as error:  # noqa: B902 - a candidate that exits is one that raised SystemExit
        return {**told, "raised": raised(error)}


ALONE = "SAMARA_CONFIG" not in globals()
CONFIG = json.loads(sys.argv[1] if ALONE else globals()["SAMARA_CONFIG"])
CONFIG["folder"] = os.path.abspath(sys.argv[2]) if ALONE else globals()["SAMARA_FOLDER"]
EVALUATOR = os.path.join(CONFIG["folder"], CONFIG["evaluator"] or "")
try:
    PROTOCOL, MODULE = set_up()
except EvaluatorFault:
    # It says what to do; where in this file it was found helps nobody.
    sys.tracebacklimit = 0
    raise

if ALONE:
    # Standard output belongs to the evaluator.
    ANSWER = evaluate(json.load(sys.stdin))
    with open(sys.argv[3], "w", encoding="utf-8") as FILE:
        json.dump(ANSWER, FILE)
