# What an evaluation came to, as plain data for the host: metrics and artifacts by name, and exceptions.
#
# The harness of the sandbox begins with this text, and Python functions that evaluate in place of an evaluator's file
# (`samara.evolve`) answer by it, too: there is one way in which results are read.

import base64
import json
import math
import traceback

# Characters of a text that is sent to the host, which keeps less.
MOST_CHARACTERS = 200_000
# Metrics and artifacts of one evaluation.
MOST_ENTRIES = 1000


class EvaluatorFault(Exception):
    """The evaluator can't be used as it is."""

    def __init__(self, what, hint=""):
        super().__init__(what)
        self.hint = hint


def shortened(text):
    if len(text) <= MOST_CHARACTERS:
        return text
    half = MOST_CHARACTERS // 2
    return text[:half] + "\n[...]\n" + text[-half:]


def sendable(text):
    """A text that is valid UTF-8, whatever a program put into it."""
    return shortened(text.encode("utf-8", "replace").decode("utf-8"))


def as_text(value):
    """A value as a text, whatever its own methods do: Python itself refuses to write integers of many digits."""
    try:
        return str(value)
    except Exception:
        kind = type(value).__name__
        return f"an int of {value.bit_length()} bits" if kind == "int" else f"a {kind} that can't be written"


def shown(value):
    """Any value as a text."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, default=as_text)
    except (TypeError, ValueError, RecursionError):
        return as_text(value)


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
            return {"other": sendable(as_text(value))}
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
        "metrics": [[sendable(as_text(name)), measured(value)] for name, value in metrics.items()],
        "artifacts": [[sendable(as_text(name)), artifact(value)] for name, value in artifacts.items()],
        **more,
    }


def frames(trace):
    """The frames of an exception without those of this file and of what imports modules."""
    while trace is not None and (
        trace.tb_frame.f_globals is globals() or "importlib" in trace.tb_frame.f_code.co_filename
    ):
        trace = trace.tb_next
    return trace


def raised(error, hint=""):
    """An exception of the evaluator or the candidate, without the frames of this file."""
    text = "".join(traceback.format_exception(type(error), error, frames(error.__traceback__)))
    return {
        "kind": type(error).__name__,
        "message": sendable(as_text(error)),
        "traceback": sendable(text),
        "hint": sendable(hint),
    }
