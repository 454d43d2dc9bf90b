# Finds out late that a module is missing.


def evaluate(program_path):
    import a_module_that_nobody_has

    return {"combined_score": a_module_that_nobody_has.SCORE}
