import sys
import types


def _samara_provide_module():
    """Lets a program import walker_creator although there is no such file."""
    module = types.ModuleType("walker_creator")
    module.walker_creator, module.Walker = walker_creator, Walker
    sys.modules["walker_creator"] = module


def samara_make_walker():
    """Calls the program's make_walker: joints as [x, y] and muscles as [joint, joint, amplitude, phase]."""
    walker = make_walker()
    if type(walker) is not Walker:
        raise TypeError("make_walker returned no walker")
    return [list(joint) for joint in walker.joints], [list(muscle) for muscle in walker.muscles]


_samara_provide_module()
