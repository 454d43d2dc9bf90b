# Imports a module beside it, once.
import helper

calls = 0


def evaluate(program_path):
    global calls
    calls += 1
    return {"combined_score": helper.SCORE, "calls": calls}
