# How much of the spread of 60 measurements a formula explains: 1 / (1 + error), the error as a share of the spread.
import math
import runpy

PLACES = [index / 10 for index in range(60)]


def measured(x):
    """What was measured: a wave whose length shrinks, a bend, and a step smoothed over a quarter."""
    wave = 1.3 * math.sin(3.1 * x + 0.12 * x * x - 0.8)
    bend = 2.2 - 0.9 * x + 0.17 * x * x
    step = 1.1 / (1 + math.exp(-(x - 3.7) / 0.25))
    return wave + bend + step


VALUES = [measured(x) for x in PLACES]
MEAN = sum(VALUES) / len(VALUES)
SPREAD = math.sqrt(sum((value - MEAN) ** 2 for value in VALUES) / len(VALUES))


def evaluate(program_path):
    try:
        predict = runpy.run_path(program_path)["predict"]
        squares = [(float(predict(x)) - value) ** 2 for x, value in zip(PLACES, VALUES)]
        error = math.sqrt(sum(squares) / len(squares)) / SPREAD
    except Exception as trouble:
        return {"combined_score": 0.0, "error": f"{type(trouble).__name__}: {trouble}"}
    if not math.isfinite(error):
        return {"combined_score": 0.0, "error": "a prediction that is not finite"}
    return {"combined_score": 1 / (1 + error), "relative_error": error}
