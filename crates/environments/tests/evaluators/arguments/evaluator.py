# Takes an argument beside the program; so does a stage, which never gets one.


def evaluate(program_path, weight=1.0):
    return {"combined_score": weight}


def evaluate_stage1(program_path, weight=1.0):
    return {"combined_score": 10.0 * weight}
