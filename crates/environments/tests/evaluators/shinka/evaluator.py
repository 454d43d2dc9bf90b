# Shinka's protocol: a program of its own, which writes two files.
import argparse
import json
import os
import runpy

parser = argparse.ArgumentParser()
parser.add_argument("--program_path")
parser.add_argument("--results_dir")
parser.add_argument("--scale", type=float, default=1.0)
arguments = parser.parse_args()
print("measured")
for name, told in runpy.run_path(arguments.program_path)["tell"](arguments.scale).items():
    with open(os.path.join(arguments.results_dir, name + ".json"), "w", encoding="utf-8") as file:
        json.dump(told, file)
