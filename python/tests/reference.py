"""Writes docs/reference/python.md: every public name of the package, its signature and what is said of it, from the source.

    python python/tests/reference.py
"""

import ast
import re
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "python.md"
# In the order in which people meet them.
MODULES = {
    "runs": "Runs",
    "environments": "Own environments",
    "evolution": "Evolving programs",
    "evaluators": "Own evaluators",
    "ask_tell": "Ask and tell",
    "emitters": "Emitters",
    "schedulers": "Schedulers",
    "archives": "Archives",
    "unstructured": "Archives without cells",
    "errors": "Errors",
}
HEAD = """# Python reference

Every public name of the package `samara`, from its source: `python python/tests/reference.py` writes this page. [The guide](../guides/python.md) says how they are used.
"""


def public(tree):
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    raise ValueError("a module without __all__")


def told(text):
    """A docstring as Markdown."""
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text).replace("``", "`")
    # Lines of one sentence belong together; lists and arguments keep theirs.
    paragraphs = []
    for paragraph in textwrap.dedent(text).strip().split("\n\n"):
        lines = paragraph.splitlines()
        if lines and lines[0].rstrip() in ("Args:", "Raises:"):
            items = re.split(r"\n(?=\S)", textwrap.dedent("\n".join(lines[1:])))
            named = (re.sub(r"^([\w, ]+): ", r"`\1`: ", " ".join(item.split())) for item in items)
            paragraphs.append(f"{lines[0].strip()[:-1]}:\n\n" + "\n".join(f"- {item}" for item in named))
        elif any(line.lstrip().startswith("- ") for line in lines):
            paragraphs.append(re.sub(r"\n\s+(?=[^\s-])", " ", paragraph))
        else:
            paragraphs.append(" ".join(paragraph.split()))
    return "\n\n".join(paragraphs)


def documented(node):
    return ast.get_docstring(node) or ""


def signature(node, name, skipped=()):
    """A function as it is called, a line for each argument where one line is too long."""
    arguments = node.args
    arguments.args = [one for one in arguments.args if one.arg not in skipped]
    returns = f" -> {ast.unparse(node.returns)}" if node.returns and node.name != "__init__" else ""
    line = f"{name}({ast.unparse(arguments)}){returns}"
    if len(line) <= 100:
        return line
    parts = re.split(r", (?=[*\w/]+(?:[:=,]|$))", ast.unparse(arguments))
    return f"{name}(\n" + "".join(f"    {part},\n" for part in parts) + f"){returns}"


def block(text):
    return f"```text\n{text}\n```\n"


def fields(node, lines):
    """The fields of a data class, with the comments `#:` above them."""
    found = []
    for one in node.body:
        if isinstance(one, ast.AnnAssign) and not one.target.id.startswith("_"):
            comment, place = [], one.lineno - 2
            while lines[place].strip().startswith("#:"):
                comment.insert(0, lines[place].strip()[2:].strip())
                place -= 1
            kind = ast.unparse(one.annotation)
            value = "" if one.value is None or "field(" in ast.unparse(one.value) else f" = {ast.unparse(one.value)}"
            found.append(f"- `{one.target.id}: {kind}{value}`: {told(' '.join(comment))}")
    return found


def members(node, name):
    for one in node.body:
        if not isinstance(one, ast.FunctionDef) or (one.name.startswith("_") and one.name != "__init__"):
            continue
        decorators = {ast.unparse(decorator) for decorator in one.decorator_list}
        if "property" in decorators:
            kind = f": {ast.unparse(one.returns)}" if one.returns else ""
            yield f"#### `{name}.{one.name}`\n\n{block(one.name + kind)}\n{told(documented(one))}\n"
        elif one.name == "__init__" and documented(one) == "Made by samara.":
            continue
        elif one.name == "__init__":
            yield f"{block(signature(one, name, ('self',)))}\n{told(documented(one))}\n"
        else:
            yield f"#### `{name}.{one.name}`\n\n{block(signature(one, one.name, ('self', 'cls')))}\n{told(documented(one))}\n"


def page():
    parts = [HEAD]
    for module, title in MODULES.items():
        text = (ROOT / "python" / "samara" / f"{module}.py").read_text()
        tree, lines = ast.parse(text), text.splitlines()
        parts.append(f"## {title}\n")
        names = public(tree)
        nodes = {}
        for node in tree.body:
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name in names:
                nodes[node.name] = node  # of overloads the last one, which is the function
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in names:
                nodes[ast.unparse(node.targets[0])] = node  # another name
        for name in sorted(nodes, key=lambda name: nodes[name].lineno):
            node = nodes[name]
            parts.append(f"### `samara.{name}`\n")
            if isinstance(node, ast.Assign):
                parts.append(f"Another name of `{ast.unparse(node.value)}`.\n")
                continue
            if isinstance(node, ast.FunctionDef):
                parts.append(f"{block(signature(node, name))}\n{told(documented(node))}\n")
                continue
            parts.append(f"{told(documented(node))}\n")
            listed = fields(node, lines)
            if listed:
                parts.append("\n".join(listed) + "\n")
            parts.extend(members(node, name))
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page())
