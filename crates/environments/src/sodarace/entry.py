def samara_make_walker():
    """Calls the program's make_walker: joints as [x, y] and muscles as [joint, joint, amplitude, phase]."""
    walker = make_walker()
    if type(walker) is not Walker:
        raise TypeError("make_walker returned no walker")
    return [list(joint) for joint in walker.joints], [list(muscle) for muscle in walker.muscles]
