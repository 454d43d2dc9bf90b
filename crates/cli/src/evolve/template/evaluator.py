# Says how good a program is. `evaluate` is called once for each program, in a sandbox and a process of its own, with the
# path of its file. Whatever it raises is told to the model that repairs the program.
import importlib.util
import math

POINTS = [i / 10.0 for i in range(-30, 31)]


def load(path):
    spec = importlib.util.spec_from_file_location("candidate", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def evaluate(program_path):
    heights = load(program_path).heights(POINTS)
    if len(heights) != len(POINTS) or not all(math.isfinite(h) for h in heights):
        raise ValueError("heights() must return a finite number for every point")
    errors = [abs(h - math.cos(x)) for h, x in zip(heights, POINTS)]
    mean = sum(errors) / len(errors)
    # `combined_score` is what counts; higher is better. Other numbers are shown, and may be axes of the archive.
    return {"combined_score": 1.0 / (1.0 + mean), "mean_error": mean, "largest_error": max(errors)}
