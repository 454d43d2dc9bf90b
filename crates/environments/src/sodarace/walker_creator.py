"""Builds Sodarace walkers, as OpenELM's programs expect it: coordinates are scaled, and y points down."""


class Walker:
    """Joints as (x, y), and connections as (joint, joint, amplitude, phase)."""

    def __init__(self, joints, muscles):
        self.joints, self.muscles = joints, muscles


class walker_creator:
    """Takes joints and muscles one by one."""

    SCALE = 0.22

    def __init__(self):
        self.joints, self.muscles = [], []

    def add_joint(self, x, y):
        """Adds a joint; what comes back stands for it in add_muscle."""
        self.joints.append((x * self.SCALE, -y * self.SCALE))
        return len(self.joints) - 1

    def add_muscle(self, joint0, joint1, *drive):
        """Connects two joints: amplitude and phase, or neither for a bone."""
        # An old spelling has a flag before them.
        drive = drive[1:] if drive and type(drive[0]) is bool else drive
        amplitude, phase = (*drive, 0.0, 0.0)[:2]
        self.muscles.append((joint0, joint1, float(amplitude), float(phase)))
        return len(self.muscles) - 1

    def get_walker(self):
        """The walker. Joints at the same place are one: connections go to the first of them."""
        first, ends = {}, []
        for index, place in enumerate(self.joints):
            ends.append(first.setdefault(place, index))
        count = len(ends)
        muscles = []
        for joint0, joint1, amplitude, phase in self.muscles:
            for joint in (joint0, joint1):
                if type(joint) is not int or not 0 <= joint < count:
                    raise ValueError(f"{joint!r} is no joint")
            muscles.append((ends[joint0], ends[joint1], amplitude, phase))
        return Walker(list(self.joints), muscles)
