# Could be called in two ways.
import sys

PARAMETERS = ["--program_path", "--results_dir"]


def evaluate(program_path):
    return {"combined_score": 1.0}


if __name__ == "__main__" and sys.argv[1] in PARAMETERS:
    evaluate(sys.argv[2])
