# Calls a candidate that can't see these answers.
ANSWERS = {2: 4, 3: 9, 10: 100}


def evaluate(candidate):
    right = [case for case, answer in ANSWERS.items() if candidate.square(case) == answer]
    try:
        candidate.look()
    except candidate.Error as error:
        return {"combined_score": len(right) / len(ANSWERS), "artifacts": {"refused": str(error)}}
    raise AssertionError("the candidate has seen the evaluator")
