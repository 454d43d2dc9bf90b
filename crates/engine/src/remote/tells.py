# Runs a program on a server that only shows values, and tells as hexadecimal digits what became of it.
import json
import random


def samara_plain(value):
    """A value as JSON; what JSON lacks is an object with one key that begins with $."""
    kind = type(value)
    if value is None or kind in (bool, str):
        return value
    if kind is int:
        return value if -(2**63) <= value < 2**63 else {"$int": str(value)}
    if kind is float:
        whole = value == value and value not in (float("inf"), float("-inf"))
        return value if whole else {"$float": str(value)}
    if kind is bytes:
        return {"$bytes": value.hex()}
    if kind is list:
        return [samara_plain(item) for item in value]
    if kind is tuple:
        return {"$tuple": [samara_plain(item) for item in value]}
    if kind is dict:
        return {"$dict": [[samara_plain(key), samara_plain(item)] for key, item in value.items()]}
    if kind in (range, type({}.keys()), type({}.values()), type({}.items())) or hasattr(value, "__next__"):
        return [samara_plain(item) for item in value]
    for plain in (int, float, str, bytes, list, tuple, dict):
        if isinstance(value, plain):
            return samara_plain(plain(value))
    if kind.__module__ == "numpy" and hasattr(value, "tolist"):
        return samara_plain(value.tolist())
    raise TypeError("a value of type " + kind.__name__ + " can't be returned")


def samara_result():
    try:
        code = compile(SAMARA_PROGRAM, "<program>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        return {"syntax": str(error)}
    names = {"__name__": "program"}
    try:
        random.seed(SAMARA_SEED)
        exec(compile(SAMARA_PRELUDE, "<prelude>", "exec", dont_inherit=True), names)
        exec(code, names)
        if SAMARA_ENTRY not in names:
            raise NameError("the program does not define " + SAMARA_ENTRY)
        return {"value": samara_plain(names[SAMARA_ENTRY](*SAMARA_ARGUMENTS))}
    except Exception as error:
        if type(error).__name__ == "TimeoutException":
            raise  # the server's own
        return {"kind": type(error).__name__, "message": str(error)[:2000]}


def samara_tells():
    return json.dumps(samara_result()).encode().hex()
