# A second and a third stage without a first one: no cascade.


def evaluate_stage2(program_path):
    return {"combined_score": 2.0}


def evaluate_stage3(program_path):
    return {"combined_score": 3.0}


def evaluate(program_path):
    return {"combined_score": 100.0}
