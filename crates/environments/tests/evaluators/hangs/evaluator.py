# A first stage that ends, and a second one that never does.
import time


def evaluate_stage1(program_path):
    with open(program_path, encoding="utf-8") as file:
        if "hang at once" in file.read():
            time.sleep(1_000_000)
    return {"combined_score": 0.6}


def evaluate_stage2(program_path):
    time.sleep(1_000_000)


def evaluate(program_path):
    raise AssertionError("there is a cascade")
