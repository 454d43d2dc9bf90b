"""The notebooks of docs/notebooks run from top to bottom, each in a process and a folder of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs" / "notebooks").glob("*.ipynb"))
# What a notebook does with the value of a cell's last line: it is shown, as HTML where it can.
SHOW = """
import ast
def cell(text, place, names):
    tree = ast.parse(text, place)
    last = ast.Expression(tree.body.pop().value) if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, place, "exec"), names)
    if last is not None:
        value = eval(compile(last, place, "eval"), names)
        (getattr(value, "_repr_html_", None) or value.__repr__)()
"""


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(path, tmp_path):
    notebook = json.loads(path.read_text())
    assert notebook["nbformat"] == 4 and notebook["cells"][0]["cell_type"] == "markdown"
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code), "clear the outputs"
    texts = ["".join(cell["source"]) for cell in code]
    calls = [f"cell({text!r}, {f'{path.name}, cell {place}'!r}, globals())" for place, text in enumerate(texts, 1)]
    script = tmp_path / "notebook.py"
    script.write_text("\n".join([SHOW, *calls]))
    done = subprocess.run([sys.executable, script], cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_there_are_notebooks():
    assert len(NOTEBOOKS) >= 6
