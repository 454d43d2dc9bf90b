# Before a walker program: defines walk_creator for it, and makes plain data of what it returns.
import sys, types


def plain(number):
    return number if type(number) is int else float(number)


class Walker:
    def __init__(self, joints, muscles):
        self.joints, self.muscles = joints, muscles


class walker_creator:
    """OpenELM's builder: coordinates are scaled, and y points down."""

    def __init__(self):
        self.joints, self.muscles = [], []

    def add_joint(self, x, y):
        self.joints.append((plain(x) * 0.22, -plain(y) * 0.22))
        return len(self.joints) - 1

    def add_muscle(self, joint0, joint1, *rest, amplitude=0.0, phase=0.0):
        rest = rest[1:] if rest and type(rest[0]) is bool else rest  # some say first whether it is a muscle
        amplitude, phase = (*rest, amplitude, phase)[:2] if len(rest) != 1 else (rest[0], phase)
        self.muscles.append((joint0, joint1, plain(amplitude), plain(phase)))
        return len(self.muscles) - 1

    def get_walker(self):
        return Walker(self.joints, self.muscles)


def samara_make_walker():
    module = types.ModuleType("walk_creator")
    module.walker_creator, module.Walker = walker_creator, Walker
    package = "openelm.environments.sodaracer.walker"
    for name in ("walk_creator", package, package + ".walk_creator", "openelm.sandbox.server.sodaracer"):
        sys.modules[name] = module
    names = {"__name__": "walker", "walker_creator": walker_creator, "Walker": Walker}
    exec(compile(SOURCE, "<program>", "exec"), names)
    walker = names["make_walker"]()
    if type(walker) is not Walker:
        return None
    return list(walker.joints), list(walker.muscles)
