# Genetic programming on Python's syntax tree: the mutation operator that needs no model.
#
# Runs inside the sandbox, as a program of its own: it reads the parents' texts and never executes them. Everything
# is drawn from one generator of the seed, in the order of the tree, so that equal arguments give equal texts.
import ast
import copy
import random

NODES = 300  # larger programs only shrink
ARITHMETIC = [ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod]
COMPARISONS = [ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq]
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LETTERS = "abcdefghijklmnopqrstuvwxyz"
rng = random.Random(0)


def vary(texts, seed, count, names):
    """`count` programs varied from the first of `texts`, which may take parts of the others. Each compiles and still
    defines `names`; a program for which no variation was found is None."""
    rng.seed(seed)
    donors = [ast.parse(text) for text in texts[1:]]
    # A variation that came out as it went in is none.
    known = ast.unparse(ast.parse(texts[0]))
    return [variation(texts[0], donors, names, known) for _ in range(count)]


def variation(parent, donors, names, known):
    for _ in range(30):
        tree = ast.parse(parent)
        done = 0
        for _ in range(1 + geometric(0.4, 3)):
            done += mutate(tree, donors)
        if not done:
            continue
        try:
            text = ast.unparse(tree)
            compile(ast.fix_missing_locations(tree), "<variation>", "exec")
        except (SyntaxError, ValueError, TypeError, RecursionError):
            continue
        defined = [node.name for node in tree.body if isinstance(node, FUNCTIONS)]
        if text != known and all(name in defined for name in names):
            return text
    return None


def mutate(tree, donors):
    """Makes one change; False if the drawn operator found no place for it."""
    shrink = sum(1 for _ in ast.walk(tree)) > NODES
    operators = [(delete, 1)] if shrink else OPERATORS
    if donors and not shrink and rng.random() < 0.6:
        return cross(tree, pick(donors))
    dart = rng.random() * sum(weight for _, weight in operators)
    for operator, weight in operators:
        dart -= weight
        if dart < 0:
            break
    return operator(tree)


# --- Drawing ---


def pick(items):
    return items[int(rng.random() * len(items))]


def geometric(more, most):
    count = 0
    while count < most and rng.random() < more:
        count += 1
    return count


# --- Places in a tree ---


def replace(parent, field, place, node):
    if place is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[place] = node


def expressions(tree):
    """(parent, field, place, node) of every expression that may be replaced by another."""
    found = []
    for parent in ast.walk(tree):
        if isinstance(parent, (ast.JoinedStr, ast.FormattedValue, ast.arguments, ast.arg, ast.keyword)):
            continue
        for field, value in ast.iter_fields(parent):
            if field in ("targets", "target", "annotation", "returns", "decorator_list", "func"):
                continue
            if isinstance(parent, ast.Expr) or (field == "value" and isinstance(parent, ast.Attribute)):
                continue
            places = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
            for place, node in places:
                if isinstance(node, ast.expr) and not isinstance(getattr(node, "ctx", None), (ast.Store, ast.Del)):
                    found.append((parent, field, place, node))
    return found


def blocks(tree):
    """(owner, field) of every list of statements inside functions."""
    found = []
    for top in tree.body:
        if isinstance(top, FUNCTIONS):
            for owner in ast.walk(top):
                for field in ("body", "orelse", "finalbody"):
                    inner = getattr(owner, field, None)
                    if isinstance(inner, list) and inner and isinstance(inner[0], ast.stmt):
                        found.append((owner, field))
    return found


def statements(tree):
    """(block, place) of every statement that may be moved: all but the last return of a block."""
    found = []
    for owner, field in blocks(tree):
        block = getattr(owner, field)
        for place, node in enumerate(block):
            if not (isinstance(node, ast.Return) and place == len(block) - 1):
                found.append((block, place))
    return found


def numbers(tree):
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return [node for node in found if type(node.value) in (int, float)]


def names_in_scope(tree, node):
    """The names that the function around `node` binds, and those of comprehensions around it."""
    scope = {}
    for top in tree.body:
        inside = list(ast.walk(top))
        if isinstance(top, FUNCTIONS) and any(other is node for other in inside):
            for other in inside:
                if isinstance(other, ast.arg):
                    scope[other.arg] = None
            collect(top, node, scope)
    return list(scope)


def collect(owner, node, scope):
    for child in ast.iter_child_nodes(owner):
        comprehension = isinstance(child, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp))
        if comprehension and all(other is not node for other in ast.walk(child)):
            continue
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            scope[child.id] = None
        collect(child, node, scope)


# --- Operators ---


def number(tree):
    """Scales, shifts, turns or shakes a number; whole numbers stay whole."""
    places = numbers(tree)
    if not places:
        return False
    node = pick(places)
    value = node.value
    if not -1e12 < value < 1e12:
        return False
    way = rng.random()
    if way < 0.3:
        changed = value + pick([-1, 1])
    elif way < 0.6:
        changed = value + (2 * rng.random() - 1) * max(3, abs(value) * 0.3)
    elif way < 0.75:
        changed = value * pick([0.5, 2, 0.9, 1.1])
    elif way < 0.9:
        changed = rng.random() * pick([2, 10, 32, 256])
    elif way < 0.96:
        changed = -value
    else:
        changed = pick([0, 1, 255])
    node.value = int(round(changed)) if type(value) is int else round(float(changed), 6)
    return True


def same_number(tree):
    """Gives one number the value of another."""
    places = numbers(tree)
    if len(places) < 2:
        return False
    node, other = pick(places), pick(places)
    if type(node.value) is not type(other.value) or node.value == other.value:
        return False
    node.value = other.value
    return True


def exchange(tree):
    """Exchanges two items of a list, a tuple or a call."""
    lists = [getattr(node, "elts", None) or getattr(node, "args", None) for node in ast.walk(tree)]
    lists = [items for items in lists if isinstance(items, list) and len(items) > 1]
    if not lists:
        return False
    items = pick(lists)
    one, other = int(rng.random() * len(items)), int(rng.random() * len(items))
    if ast.dump(items[one]) == ast.dump(items[other]):
        return False
    items[one], items[other] = items[other], items[one]
    return True


def string(tree):
    """Changes, drops or doubles a letter, or doubles or halves the text."""
    places = [node for _, _, _, node in expressions(tree) if isinstance(node, ast.Constant)]
    places = [node for node in places if type(node.value) is str and len(node.value) < 200]
    if not places:
        return False
    node = pick(places)
    text = node.value
    at = int(rng.random() * (len(text) + 1))
    letter = pick(text) if text and rng.random() < 0.5 else pick(LETTERS)
    node.value = pick([text[:at] + letter + text[at:], text[:at] + letter + text[at + 1 :], text[:at] + text[at + 1 :],
                       text * 2, text[: len(text) // 2 + 1], text[::-1]])
    return node.value != text


def bound(tree):
    """Changes where a `range` begins, ends or how it steps."""
    ranges = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args]
    ranges = [node for node in ranges if isinstance(node.func, ast.Name) and node.func.id == "range"]
    if not ranges:
        return False
    call = pick(ranges)
    if len(call.args) == 1 and rng.random() < 0.3:
        call.args.insert(0, ast.Constant(1 + geometric(0.6, 12)))
        return True
    place = int(rng.random() * len(call.args))
    call.args[place] = shifted(call.args[place])
    return True


def shifted(node):
    """`node`, a little more or less."""
    step = pick([-1, 1]) * (1 + geometric(0.6, 8))
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return ast.Constant(node.value + step)
    return ast.BinOp(node, ast.Add() if step > 0 else ast.Sub(), ast.Constant(abs(step)))


def operation(tree):
    """Another operator between the same operands, or the operands exchanged."""
    places = [node for node in ast.walk(tree) if isinstance(node, (ast.BinOp, ast.Compare, ast.BoolOp))]
    if not places:
        return False
    node = pick(places)
    if isinstance(node, ast.BoolOp):
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    elif isinstance(node, ast.Compare):
        place = int(rng.random() * len(node.ops))
        if type(node.ops[place]) not in COMPARISONS:
            return False
        node.ops[place] = pick(COMPARISONS)()
    elif rng.random() < 0.3:
        node.left, node.right = node.right, node.left
    else:
        node.op = pick(ARITHMETIC)()
    return True


def argument(tree):
    """Replaces an expression (an argument, an operand, a value) by a name or another expression in scope."""
    places = expressions(tree)
    if not places:
        return False
    parent, field, place, node = pick(places)
    names = names_in_scope(tree, node)
    way = rng.random()
    if names and way < 0.6:
        new = ast.Name(pick(names), ast.Load())
    elif way < 0.8:
        new = ast.Constant(int(rng.random() * pick([3, 10, 32, 256])))
    else:
        known = dict.fromkeys(names)
        fitting = [other for _, _, _, other in places if bound_in(other, known)]
        if not fitting:
            return False
        new = copy.deepcopy(pick(fitting))
    if ast.dump(new) == ast.dump(node):
        return False
    replace(parent, field, place, new)
    return True


def bound_in(node, known):
    """Whether every variable of an expression is known where it is to go; called names are taken to be."""
    called = [id(other.func) for other in ast.walk(node) if isinstance(other, ast.Call)]
    read = [other for other in ast.walk(node) if isinstance(other, ast.Name)]
    return all(other.id in known or id(other) in called for other in read)


def wrap(tree):
    """Puts an expression into an operation with a number or a name, or takes one out of it."""
    places = expressions(tree)
    if not places:
        return False
    parent, field, place, node = pick(places)
    if isinstance(node, ast.BinOp) and rng.random() < 0.5:
        replace(parent, field, place, pick([node.left, node.right]))
        return True
    if isinstance(node, (ast.Constant, ast.Name, ast.BinOp)) is False:
        return False
    names = names_in_scope(tree, node)
    way = rng.random()
    if way < 0.15:
        new = ast.Call(ast.Name("abs", ast.Load()), [node], [])
    elif way < 0.3:
        new = ast.BinOp(node, ast.Mult(), copy.deepcopy(node))
    else:
        other = ast.Name(pick(names), ast.Load()) if names and rng.random() < 0.5 else ast.Constant(1 + int(rng.random() * 16))
        new = ast.BinOp(node, pick(ARITHMETIC)(), other)
    replace(parent, field, place, new)
    return True


def condition(tree):
    """Joins a condition with a varied copy of itself, or drops a part of one that is joined."""
    places = [place for place in expressions(tree) if isinstance(place[3], (ast.Compare, ast.BoolOp))]
    if not places:
        return False
    parent, field, place, node = pick(places)
    if isinstance(node, ast.BoolOp):
        node.values.pop(int(rng.random() * len(node.values)))
        if len(node.values) == 1:
            replace(parent, field, place, node.values[0])
        return True
    twin = copy.deepcopy(node)
    number(twin)
    twin.ops[0] = pick(COMPARISONS)() if type(twin.ops[0]) in COMPARISONS else twin.ops[0]
    replace(parent, field, place, ast.BoolOp(pick([ast.And, ast.Or])(), [node, twin]))
    return True


def delete(tree):
    """Removes a statement, or keeps what it encloses."""
    places = statements(tree)
    if not places:
        return False
    block, place = pick(places)
    node = block[place]
    inner = getattr(node, "body", None)
    if isinstance(node, (ast.If, ast.For, ast.While)) and rng.random() < 0.3:
        block[place : place + 1] = inner
    elif len(block) > 1:
        del block[place]
    else:
        block[place] = ast.Pass()
    return True


def duplicate(tree):
    """Repeats a statement behind itself, with a number changed if it has one."""
    places = statements(tree)
    if not places:
        return False
    block, place = pick(places)
    twin = copy.deepcopy(block[place])
    for _ in range(1 + geometric(0.7, 6)):
        number(twin)
    block.insert(place + 1, twin)
    return True


def swap(tree):
    """Exchanges two statements of a block."""
    places = [(block, place) for block, place in statements(tree) if place + 1 < len(block)]
    if not places:
        return False
    block, place = pick(places)
    if isinstance(block[place + 1], ast.Return):
        return False
    block[place], block[place + 1] = block[place + 1], block[place]
    return True


def move(tree):
    """Takes a statement to another place of the program."""
    places = statements(tree)
    if len(places) < 2:
        return False
    block, place = pick(places)
    node = block[place]
    if len(block) == 1:
        return False
    targets = [getattr(owner, field) for owner, field in blocks(tree)]
    inside = [id(inner) for inner in ast.walk(node)]
    targets = [target for target in targets if all(id(other) not in inside for other in target)]
    if not targets:
        return False
    del block[place]
    target = pick(targets)
    target.insert(int(rng.random() * (len(target) + 1)), node)
    return True


def cross(tree, donor):
    """Takes a statement or an expression from another program."""
    if rng.random() < 0.5:
        from_donor, places = statements(donor), statements(tree)
        if not from_donor or not places:
            return False
        source, at = pick(from_donor)
        block, place = pick(places)
        new = copy.deepcopy(source[at])
        if rng.random() < 0.5:
            block[place] = new
        else:
            block.insert(place, new)
        return True
    places, others = expressions(tree), expressions(donor)
    if not places or not others:
        return False
    parent, field, place, node = pick(places)
    known = dict.fromkeys(names_in_scope(tree, node))
    fitting = [other for _, _, _, other in others if bound_in(other, known)]
    if not fitting:
        return False
    replace(parent, field, place, copy.deepcopy(pick(fitting)))
    return True


OPERATORS = [(number, 10), (same_number, 5), (exchange, 2), (string, 2), (bound, 3), (operation, 2), (argument, 2),
             (wrap, 2), (condition, 2), (delete, 2), (duplicate, 2), (swap, 1), (move, 1)]
