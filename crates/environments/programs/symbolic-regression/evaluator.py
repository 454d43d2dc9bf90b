# The score says how well a formula fits measurements that it has not seen: -log10 of the mean squared error, as a share
# of the measurements' variance. A formula that is no better than their mean scores 0, an exact one 12.
import importlib.util
import math

# What is exact up to rounding is exact.
FLOOR = 1e-12


def surface(x, y):
    return 1.6 * math.sin(1.9 * x + 0.4) - 0.7 * x + 0.45 * x * y + 0.3 * y * y - 1.2


def grid(xs, ys):
    return [(x, y, surface(x, y)) for x in xs for y in ys]


NEAR = grid([-2.0 + 0.37 * i for i in range(12)], [-1.5 + 0.41 * i for i in range(8)])
FAR = grid([-3.1, -2.6, 2.6, 3.1], [-2.2, 0.13, 2.1])


def load(path):
    spec = importlib.util.spec_from_file_location("program", path)
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    return program


def fit(predict, measured):
    """-log10 of the share of the variance that a formula leaves."""
    mean = math.fsum(value for _, _, value in measured) / len(measured)
    variance = math.fsum((value - mean) ** 2 for _, _, value in measured)
    left = 0.0
    for x, y, value in measured:
        predicted = float(predict(x, y))
        if not math.isfinite(predicted):
            raise ValueError(f"predict({x}, {y}) is {predicted}")
        left += (predicted - value) ** 2
    return -math.log10(max(left / variance, FLOOR))


def evaluate(program_path):
    predict = load(program_path).predict
    near, far = fit(predict, NEAR), fit(predict, FAR)
    return {"combined_score": 0.75 * near + 0.25 * far, "near": near, "far": far}
