"""One small, blind change of a program: what the model of these benchmarks does. Standard library only.

It changes some numbers of the text between the EVOLVE-BLOCK markers and, rarely, an operator. Every system gets its
variants from here, so that what differs between them is the search alone. Next: model.py.
"""

import random
import re

START, END = "EVOLVE-BLOCK-START", "EVOLVE-BLOCK-END"
# Strings and comments come first, so that numbers within them are passed over.
TOKEN = re.compile(
    r"""(?P<skip>\#[^\n]*|'''.*?'''|\"\"\".*?\"\"\"|'[^'\n]*'|"[^"\n]*"|[A-Za-z_]\w*)"""
    r"""|(?P<number>(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?)"""
    r"""|(?P<operator>(?<=\s)(?:[-+*/<>]|\*\*|<=|>=)(?=\s))""",
    re.DOTALL,
)
OPERATORS = {"+": "-", "-": "+", "*": "/", "/": "*", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
OPERATOR_PROBABILITY = 0.03
# Each further number is changed with this probability: two numbers on average.
MORE = 0.5
# Standard deviations of a changed fraction, relative to its size (at least SMALLEST). Each is drawn equally often.
SCALES = (0.02, 0.1, 0.4)
SMALLEST = 0.1


def region(code):
    """Start and end of the text that may change: between the first pair of markers, else all of it."""
    start = code.find(START)
    if start < 0:
        return 0, len(code)
    start = code.find("\n", start) + 1
    end = code.find(END, start)
    return start, code.rfind("\n", start, end) + 1 if end > 0 else len(code)


def changed_number(code, start, text, rng):
    """Where the number that begins at `start` begins with its sign, and a number near it.

    An integer moves by one (rarely by up to half its size), a fraction by a normal step.
    """
    before = code[:start].rstrip(" ")
    if re.fullmatch(r"\d+", text):
        value = int(text)
        step = 1 if rng.random() < 0.8 else max(1, int(value * rng.random() / 2))
        return start, str(max(0, value + rng.choice((-1, 1)) * step))
    # A minus belongs to the number where an operand could not stand before it.
    signed = before.endswith("-") and before[:-1].rstrip(" ")[-1:] in tuple("([{,=:")
    if signed:
        start = len(before) - 1
        before = before[:-1].rstrip(" ")
    value = -float(text) if signed else float(text)
    moved = value + rng.gauss(0, rng.choice(SCALES)) * max(abs(value), SMALLEST)
    moved = float(f"{moved:.5g}")
    bare = moved >= 0 or before[-1:] in tuple("([{,=:")
    return start, repr(moved) if bare else f"({moved!r})"


def mutate(code, rng):
    """`code` with some numbers changed, or now and then an operator; `code` itself if it has neither."""
    start, end = region(code)
    numbers, operators = [], []
    for match in TOKEN.finditer(code, start, end):
        if match.lastgroup == "number":
            numbers.append(match)
        elif match.lastgroup == "operator" and match.group() in OPERATORS:
            operators.append(match)
    changes = {}
    if operators and (not numbers or rng.random() < OPERATOR_PROBABILITY):
        match = rng.choice(operators)
        changes[match.span()] = OPERATORS[match.group()]
    elif numbers:
        count = 1
        while count < len(numbers) and rng.random() < MORE:
            count += 1
        for match in rng.sample(numbers, count):
            begin, text = changed_number(code, match.start(), match.group(), rng)
            changes[begin, match.end()] = text
    for (begin, stop), text in sorted(changes.items(), reverse=True):
        code = code[:begin] + text + code[stop:]
    return code


def hunks(old, new):
    """Pairs (search, replace) of lines that turn `old` into `new`, each search text occurring once in `old`.

    Both texts have the same number of lines, which is so after `mutate`.
    """
    before, after = old.split("\n"), new.split("\n")
    # Lines outside of the markers may not stand in a search text.
    start, end = region(old)
    least, most = old.count("\n", 0, start), old.count("\n", 0, end) - 1 if end < len(old) else len(before) - 1
    assert len(before) == len(after), "a change of numbers keeps the lines"
    spans = []
    for line in range(len(before)):
        if before[line] == after[line]:
            continue
        first = last = line
        # Lines around it are added until the text is found in one place only.
        while old.count("\n".join(before[first : last + 1])) > 1:
            if (first, last) == (least, most):
                break
            first, last = max(least, first - 1), min(most, last + 1)
        # Two that touch become one, since the second is looked for after the first was replaced.
        while spans and first <= spans[-1][1] + 1:
            first = spans.pop()[0]
        spans.append((first, last))
    return [("\n".join(before[first : last + 1]), "\n".join(after[first : last + 1])) for first, last in spans]


def generator(seed, number):
    """The random generator of one answer."""
    return random.Random(f"samara-benchmark:{seed}:{number}")
