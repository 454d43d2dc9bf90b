# The score says how near a search comes to the lowest points of three functions with many valleys: the mean of
# 1 / (1 + gap) over functions and random streams. Every search has 150 calls.
import importlib.util
import math
import random

BUDGET = 150
STREAMS = 3


def rastrigin(point):
    """Its lowest point, 0, is off the centre, so that nothing is found by guessing zero."""
    shifted = [x - 0.7 for x in point]
    return sum(x * x - 3.0 * math.cos(2.0 * math.pi * x) + 3.0 for x in shifted)


def ackley(point):
    shifted = [x + 1.3 for x in point]
    mean_square = sum(x * x for x in shifted) / len(shifted)
    mean_wave = sum(math.cos(2.0 * math.pi * x) for x in shifted) / len(shifted)
    return 20.0 + math.e - 20.0 * math.exp(-0.2 * math.sqrt(mean_square)) - math.exp(mean_wave)


def valleys(point):
    """A narrow valley with ripples along it; the lowest point is (1, 1), with 0."""
    x, y = point
    return 5.0 * (y - x * x) ** 2 + (1.0 - x) ** 2 + 0.5 * math.sin(4.0 * math.pi * (x - 1.0)) ** 2


CASES = [
    (rastrigin, [-4.0, -4.0, -4.0], [4.0, 4.0, 4.0]),
    (ackley, [-6.0, -6.0], [6.0, 6.0]),
    (valleys, [-2.0, -2.0], [2.0, 3.0]),
]


class Counted:
    """A function that can be called so often, at points within its bounds."""

    def __init__(self, function, low, high):
        self.function, self.low, self.high, self.left = function, low, high, BUDGET

    def __call__(self, point):
        if self.left == 0:
            raise ValueError(f"the function was called more than {BUDGET} times")
        self.left -= 1
        return self.function(within(point, self.low, self.high))


def within(point, low, high):
    made = [float(x) for x in point]
    if len(made) != len(low) or not all(a <= x <= b for a, x, b in zip(low, made, high)):
        raise ValueError(f"{made} is no point between {low} and {high}")
    return made


def load(path):
    spec = importlib.util.spec_from_file_location("program", path)
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    return program


def evaluate(program_path):
    search = load(program_path).search
    metrics = {}
    for function, low, high in CASES:
        nearness = []
        for stream in range(STREAMS):
            counted = Counted(function, low, high)
            found = search(counted, list(low), list(high), BUDGET, random.Random(stream))
            # What a search returns is measured here, not by what it says of it.
            nearness.append(1.0 / (1.0 + function(within(found, low, high))))
        metrics[function.__name__] = math.fsum(nearness) / STREAMS
    return {"combined_score": math.fsum(metrics.values()) / len(metrics), **metrics}
