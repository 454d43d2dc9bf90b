from walker_creator import walker_creator


def query_cppn(wc, xgrid, ygrid, scale, connect_func, amp_func, phase_func):
    """Connects joints of a grid by functions; joints of the main diagonal are never connected with one another."""
    places = [(x, y) for x in range(xgrid) for y in range(ygrid)]
    joints = {(x, y): wc.add_joint(x * scale, y * scale) for x, y in places}
    for x0, y0 in places:
        for x1, y1 in places:
            diagonal = x0 == y0 and x1 == y1
            forward = x1 >= x0 and y1 >= y0
            if forward and not diagonal and connect_func(x0, y0, x1, y1):
                amplitude, phase = amp_func(x0, y0, x1, y1), phase_func(x0, y0, x1, y1)
                wc.add_muscle(joints[x0, y0], joints[x1, y1], amplitude, phase)
    return list(joints.values())


def make_walker():
    wc = walker_creator()
    connect = lambda x0, y0, x1, y1: x1 - x0 >= 2 or y1 - y0 >= x0
    amp = lambda x0, y0, x1, y1: x1 - x0 + y1 - y0
    phase = lambda x0, y0, x1, y1: -0.9396926207859084 - x0 / 2
    query_cppn(wc, 5, 8, 2, connect, amp, phase)
    return wc.get_walker()
