# Before a walker program: defines OpenELM's builder and helpers for it, and makes plain data of what it returns.
import math, sys, types


def plain(number):
    return number if type(number) is int else float(number)


class Walker:
    def __init__(self, joints, muscles):
        self.joints, self.muscles = joints, muscles


class walker_creator:
    """OpenELM's builder: coordinates are scaled, and y points down. A joint is its place, as OpenELM has it."""

    def __init__(self):
        self.joints, self.muscles, self.first = [], [], {}

    def add_joint(self, x, y):
        joint = (plain(x) * 0.22, -plain(y) * 0.22)
        self.first.setdefault(joint, len(self.joints))
        self.joints.append(joint)
        return joint

    def add_muscle(self, j0, j1, amplitude=0.0, phase=0.0):
        self.muscles.append((self.number(j0), self.number(j1), plain(amplitude), plain(phase)))
        return self.muscles[-1]

    def number(self, joint):
        """A joint's number: of the first at its place. Models also write numbers themselves."""
        if type(joint) is int and 0 <= joint < len(self.joints):
            return joint
        if joint not in self.first:
            raise ValueError("no joint is there: %.100r" % (joint,))
        return self.first[joint]

    def get_walker(self):
        return Walker(self.joints, self.muscles)


def query_cppn(wc, xgrid, ygrid, scale, connect_func, amp_func, phase_func):
    """A grid of joints, connected by functions of the grid coordinates of both ends."""
    places = [(x, y) for x in range(xgrid) for y in range(ygrid)]
    joints = {(x, y): wc.add_joint(x * scale, y * scale) for x, y in places}
    for x0, y0 in places:
        for x1, y1 in places:
            if x1 < x0 or y1 < y0 or (x0 == y0 and x1 == y1) or not connect_func(x0, y0, x1, y1):
                continue
            amplitude, phase = amp_func(x0, y0, x1, y1), phase_func(x0, y0, x1, y1)
            wc.add_muscle(joints[x0, y0], joints[x1, y1], amplitude, phase)
    return joints


def make_square(wc, x0, y0, x1, y1):
    """Four joints at the corners of a rectangle."""
    return tuple(wc.add_joint(x, y) for x, y in ((x0, y0), (x0, y1), (x1, y1), (x1, y0)))


def make_circle(wc, cx, cy, radius, num_points):
    """Joints on a circle, in equal steps."""
    angles = [2 * math.pi * k / num_points for k in range(num_points)]
    return [wc.add_joint(cx + radius * math.cos(angle), cy + radius * math.sin(angle)) for angle in angles]


def make_sensor(wc, x0, y0, x1, y1, d):
    """Six joints: the corners of a rectangle, and two on the line y = 0.5."""
    places = ((x0, y0), (x1, y1), (x1, y0), (x0, y1), (d, 0.5), (x1, 0.5))
    return tuple(wc.add_joint(x, y) for x, y in places)


HELPERS = (walker_creator, Walker, query_cppn, make_square, make_circle, make_sensor)
PACKAGE = "openelm.environments.sodaracer.walker"


def provide_modules():
    """Lets a program import the builder by the names that OpenELM has for it, and by no other."""
    parents = [PACKAGE.rsplit(".", up)[0] for up in (3, 2, 1)] + [PACKAGE]
    files = [PACKAGE + "." + file for file in ("walk_creator", "CPPN_mutable")]
    for name in ["walk_creator", "walker_creator"] + parents + files:
        module = sys.modules[name] = types.ModuleType(name)
        if name in parents:
            module.__path__ = []
        if name not in parents[:-1]:
            module.__dict__.update((helper.__name__, helper) for helper in HELPERS[:3])
        above, _, last = name.rpartition(".")
        if above:
            setattr(sys.modules[above], last, module)


def samara_make_walker():
    provide_modules()
    names = {"__name__": "walker", "__package__": PACKAGE}
    names.update((helper.__name__, helper) for helper in HELPERS)
    exec(compile(SOURCE, "<program>", "exec"), names)
    walker = names["make_walker"]()
    if type(walker) is not Walker:
        return None
    return list(walker.joints), list(walker.muscles)
