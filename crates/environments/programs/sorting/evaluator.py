# The score is the number of comparisons that sorting needs by information theory, as a share of those that a program
# makes. Python's own sorting is not allowed, and a list that comes back unsorted has no score.
import ast
import importlib.util
import math
import random

FORBIDDEN = {"sorted", "sort", "heapq", "bisect", "min", "max", "eval", "exec", "getattr", "__import__"}


class Item:
    """Something that can be compared with its like, and whose comparisons are counted."""

    __slots__ = ("_key", "_count")

    def __init__(self, key, count):
        self._key, self._count = key, count

    def __lt__(self, other):
        self._count[0] += 1
        return self._key < other._key

    def __gt__(self, other):
        return other < self

    def __le__(self, other):
        return not other < self

    def __ge__(self, other):
        return not self < other


def lists():
    """Lists of all kinds: empty, short, in order, in reverse, nearly in order, with equals, at random."""
    stream = random.Random(7)
    keys = [[], [1], [2, 1], list(range(40)), list(range(40, 0, -1)), [i % 5 for i in range(40)]]
    nearly = list(range(48))
    for _ in range(5):
        a, b = stream.randrange(48), stream.randrange(48)
        nearly[a], nearly[b] = nearly[b], nearly[a]
    keys.append(nearly)
    keys += [[stream.random() for _ in range(size)] for size in (3, 5, 8, 13, 21, 34, 55, 64)]
    return keys


LISTS = lists()
NEEDED = sum(math.lgamma(len(keys) + 1) / math.log(2.0) for keys in LISTS)


def check(path):
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            raise ValueError("the program imports something")
        if isinstance(node, ast.Name) and node.id in FORBIDDEN and not isinstance(node.ctx, ast.Store):
            raise ValueError(f"the program uses {node.id}")
        if isinstance(node, ast.Attribute) and (node.attr in FORBIDDEN or node.attr.startswith("_")):
            raise ValueError(f"the program uses .{node.attr}")


def load(path):
    spec = importlib.util.spec_from_file_location("program", path)
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    return program


def evaluate(program_path):
    check(program_path)
    sort = load(program_path).sort
    count = [0]
    for keys in LISTS:
        items = [Item(key, count) for key in keys]
        result = list(sort(list(items)))
        if sorted(map(id, result)) != sorted(map(id, items)):
            raise ValueError(f"sort() of {len(items)} items gave back others")
        found = [item._key for item in result]
        if found != sorted(keys):
            raise ValueError(f"sort() of {len(items)} items left them unsorted")
    return {"combined_score": NEEDED / max(count[0], 1), "comparisons": count[0]}
