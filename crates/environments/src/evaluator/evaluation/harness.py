# What a warm server of evaluators runs: it imports the user's evaluator once, and calls it by the protocol that it
# speaks, each time in a child of its own.
#
# `CONFIG` says what to import and how: JSON, put before this text as SAMARA_CONFIG, with the evaluator's SAMARA_FOLDER.
# `evaluate(request)` runs one stage and answers with plain data: metrics and artifacts by name, or `raised`, `refused`
# (the candidate is no answer, for this reason) or `trouble` (the evaluator is at fault). What metrics mean, how stages
# are merged and what a score is belongs to the host. `python3 harness.py CONFIG FOLDER ANSWER < REQUEST` runs it
# without the warm server. `answer.py` stands before this text.

import ast
import asyncio
import errno
import hashlib
import importlib.util
import inspect
import json
import math
import os
import shlex
import shutil
import socket
import subprocess
import sys
import types

# Bytes of a command's output that are kept to look for its last line.
TAIL = 1 << 20
# What AlphaEvolve's evaluators give for a candidate that has no score.
SENTINEL = -1e12
# Lines of a traceback that are told of an evaluator that can't be imported.
MOST_LINES = 8
STAGES = ("evaluate_stage1", "evaluate_stage2", "evaluate_stage3")


# Where modules are looked for before the evaluator has a say in it.
PATHS = frozenset(sys.path)


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


# --- what to do about an exception -----------------------------------------------------------------------------------


def hint_for(error):
    """What to do about an exception that the sandbox may have caused; nothing if it looks like none of these."""
    for _ in range(10):
        try:
            hint = hint_of(error)
        except Exception:  # the exception is somebody's own
            hint = ""
        if hint or error is None:
            return hint
        error = error.__cause__ or error.__context__
    return ""


def hint_of(error):
    if isinstance(error, ModuleNotFoundError):
        return hint_of_module(error.name)
    where = module_of(error)
    if isinstance(error, KeyError) and where == "os":
        name = error.args[0]
        return (
            f"the evaluator sees none of the shell's variables but those that it is given: add {name} to "
            "environment.evaluation.variables"
        )
    if not isinstance(error, OSError):
        return ""
    cut_off = error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL)
    refused = where == "socket" and isinstance(error, PermissionError)
    if cut_off or refused or isinstance(error, (socket.gaierror, ConnectionError)):
        return "" if CONFIG["network"] else "the network can't be reached: set environment.evaluation.network = true"
    if error.filename is None or isinstance(error.filename, int):
        return ""
    return hint_of_path(error, os.fsdecode(error.filename), where)


def module_of(error):
    """The module that an exception was raised in."""
    trace, name = error.__traceback__, ""
    while trace is not None:
        name, trace = trace.tb_frame.f_globals.get("__name__", ""), trace.tb_next
    return name


def hint_of_module(name):
    gone = [path for path in sys.path if path and path not in PATHS and not os.path.isdir(path)]
    if gone:
        return f"it is looked for in {gone[0]}, which the sandbox hides: add that to environment.evaluation.mounts"
    return f"set environment.evaluation.python to an interpreter or a virtual environment that has `{name}`"


def hint_of_path(error, path, where):
    if error.errno == errno.EROFS or isinstance(error, PermissionError):
        return "nothing but temporary files can be written: write below tempfile.gettempdir()"
    if not isinstance(error, FileNotFoundError):
        return ""
    if where == "subprocess" and "/" not in path:
        return (
            f"if `{path}` is installed, add its folder to environment.evaluation.mounts and PATH to "
            "environment.evaluation.variables: the sandbox shows the system's programs alone"
        )
    full = os.path.abspath(os.path.join(CONFIG["folder"], path))
    if full.startswith((CONFIG["folder"] + "/", "/tmp/candidate/")):
        return ""
    return f"if {full} is there, add it to environment.evaluation.mounts: the sandbox shows the evaluator's folder alone"


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


def no_python(name, error):
    """An evaluator that does not compile."""
    line = getattr(error, "lineno", None)
    text = (getattr(error, "text", None) or "").strip()[:200]
    what = f"{name}{f', line {line}' if line else ''}: {getattr(error, 'msg', error)}"
    if name.endswith(".py"):
        hint = "mend it; nothing has been evaluated yet"
    else:
        hint = f'if it is not in Python, name it as environment.evaluation.command = "./{name} {{program}}"'
    return EvaluatorFault(f"{what}\n    {text}" if text else what, hint)


def detect(text, path):
    """The protocol that an evaluator speaks, by its text."""
    name = os.path.basename(path)
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        raise no_python(name, error) from None
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


def not_imported(name, path, error):
    """An evaluator that raised an exception while it was imported."""
    if isinstance(error, SyntaxError) and error.filename == path:
        return no_python(name, error)
    if isinstance(error, ModuleNotFoundError):
        what = f"{name} needs the module `{error.name}`, which {sys.executable} does not have"
        return EvaluatorFault(what, hint_for(error))
    hint = hint_for(error)
    if isinstance(error, SystemExit):
        hint = 'put what it does as a program below `if __name__ == "__main__":`'
    told = raised(error, hint_for(error))
    lines = told["traceback"].rstrip().splitlines()[-MOST_LINES:]
    what = f"{name} raises {told['kind']} when it is imported: {told['message'][:500]}"
    return EvaluatorFault("\n  ".join([what, *lines]), hint or "import it by hand with the same interpreter")


def import_evaluator(path):
    spec = importlib.util.spec_from_file_location("evaluation_module", path)
    if spec is None or spec.loader is None:
        raise EvaluatorFault(f"{os.path.basename(path)} is no Python file: an evaluator in another language is a command")
    module = importlib.util.module_from_spec(spec)
    sys.modules["evaluation_module"] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:  # noqa: B902 - one that ends itself is no better
        raise not_imported(os.path.basename(path), path, error) from None
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
    if hasattr(sys.stdout, "reconfigure"):
        # What was printed before a limit would be lost in a buffer.
        sys.stdout.reconfigure(line_buffering=True)
    try:
        run = {"shinka": of_shinka, "command": of_command}.get(PROTOCOL, call)
        return {**told, **run(request)}
    except EvaluatorFault as fault:
        return {**told, "trouble": sendable(str(fault))}
    except BaseException as error:  # noqa: B902 - a candidate that exits is one that raised SystemExit
        return {**told, "raised": raised(error, hint_for(error))}


ALONE = "SAMARA_CONFIG" not in globals()
CONFIG = json.loads(sys.argv[1] if ALONE else globals()["SAMARA_CONFIG"])
CONFIG["folder"] = os.path.abspath(sys.argv[2]) if ALONE else globals()["SAMARA_FOLDER"]
EVALUATOR = os.path.join(CONFIG["folder"], CONFIG["evaluator"] or "")
try:
    PROTOCOL, MODULE = set_up()
except EvaluatorFault as FAULT:
    # A text says all; where in this file it was found helps nobody.
    raise SystemExit(f"{FAULT}\nhint: {FAULT.hint}" if FAULT.hint else str(FAULT)) from None

if ALONE:
    # Standard output belongs to the evaluator.
    ANSWER = evaluate(json.load(sys.stdin))
    with open(sys.argv[3], "w", encoding="utf-8") as FILE:
        json.dump(ANSWER, FILE)
