import sys, types


class Walker:
    def __init__(self, joints, muscles):
        self.joints, self.muscles = joints, muscles


class walker_creator:
    """OpenELM's builder: coordinates are scaled, and y points down."""

    def __init__(self):
        self.joints, self.muscles = [], []

    def add_joint(self, x, y):
        self.joints.append((x * 0.22, -y * 0.22))
        return len(self.joints) - 1

    def add_muscle(self, joint0, joint1, *rest):
        rest = rest[1:] if rest and type(rest[0]) is bool else rest
        amplitude, phase = (*rest, 0.0, 0.0)[:2]
        self.muscles.append((joint0, joint1, amplitude, phase))
        return len(self.muscles) - 1

    def get_walker(self):
        return Walker(self.joints, self.muscles)


def samara_make_walker():
    module = types.ModuleType("walk_creator")
    module.walker_creator, module.Walker = walker_creator, Walker
    for name in ("walk_creator", "openelm.environments.sodaracer.walker", "openelm.sandbox.server.sodaracer"):
        sys.modules[name] = module
    names = {"__name__": "walker", "walker_creator": walker_creator, "Walker": Walker}
    exec(compile(SOURCE, "<program>", "exec"), names)
    walker = names["make_walker"]()
    if type(walker) is not Walker:
        return None
    return list(walker.joints), list(walker.muscles)
