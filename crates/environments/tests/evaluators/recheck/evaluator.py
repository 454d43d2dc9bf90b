# Has a second function, without tolerance.
import importlib.util


def load(path):
    spec = importlib.util.spec_from_file_location("program", path)
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    return program


def evaluate(program_path):
    return {"combined_score": load(program_path).RADIUS}


def evaluate_strict(program_path):
    radius = load(program_path).RADIUS
    if radius > 0.5:
        raise ValueError(f"{radius} is more than 0.5")
    return {"combined_score": radius}
