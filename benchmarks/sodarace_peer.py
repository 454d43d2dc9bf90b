"""The reference's Sodarace simulator on pybox2d (Box2D 2.3), for comparison. sodarace.py starts this in the venv.

Reads a JSON list of {"name", "walker"} from standard input, evaluates each walker for the milliseconds of the first argument,
each time in a fresh world, for at least the CPU seconds of the second, and writes a JSON list of {"name", "fitness", "cpu_s"}: CPU
seconds of one evaluation, mean over all. Written from the rules that crates/sodarace follows under `Law::OpenElm`, with what
pybox2d offers for speed: world and shapes are made once per evaluation, nothing but the muscles' lengths is set in a step.
"""

import json
import math
import sys
import time

from Box2D import b2CircleShape, b2Filter, b2FixtureDef, b2PolygonShape, b2World

CANVAS_WIDTH, CANVAS_HEIGHT = 150.0, 200.0
STEP = 1.0 / 60
CLOCK_PER_STEP = 3.0 * STEP
RADIUS = (CANVAS_WIDTH / 2.2) / 35


class Simulator:
    def __init__(self, walker):
        self.world = b2World(gravity=(0, -25), doSleep=True)
        ground = b2FixtureDef(
            shape=b2PolygonShape(box=(3500, 10)), friction=0.2, restitution=0, filter=b2Filter(categoryBits=1, maskBits=65535)
        )
        self.world.CreateStaticBody(position=(0, -100), fixtures=ground)
        self.angle = self.owed = 0.0
        self.place(walker["joints"])
        self.ends, self.muscles = [], []
        for a, b, drive in walker["muscles"]:
            if a != b:
                self.connect(self.bodies[a], self.bodies[b], drive)

    def place(self, joints):
        points = [((x / 2.2) * (CANVAS_WIDTH / 2.2), ((1 - y) / 2.5) * (CANVAS_HEIGHT / 2.5)) for x, y in joints]
        low = [min([edge] + [point[i] for point in points]) for i, edge in enumerate((CANVAS_WIDTH, CANVAS_HEIGHT))]
        high = [max([0] + [point[i] for point in points]) for i in range(2)]
        half = [(high[i] - low[i]) / 2 for i in range(2)]
        self.offset_x = (-low[0] + CANVAS_WIDTH / 2) - half[0]
        node = b2FixtureDef(
            shape=b2CircleShape(radius=RADIUS),
            density=25,
            friction=1.0,
            restitution=0.1,
            filter=b2Filter(categoryBits=2, maskBits=1),
        )
        self.bodies = []
        for x, y in points:
            where = (((x - low[0]) + CANVAS_WIDTH / 2) - half[0], ((y - low[1]) + CANVAS_HEIGHT / 2) - half[1])
            body = self.world.CreateDynamicBody(position=where, fixtures=node, linearDamping=1.1, fixedRotation=True)
            self.bodies.append(body)

    def connect(self, a, b, drive):
        amplitude = (drive["amplitude"] + 1) / 2
        bone = amplitude < 0.2
        spring = {} if bone else {"frequencyHz": 3, "dampingRatio": 0.3}
        joint = self.world.CreateDistanceJoint(bodyA=a, bodyB=b, anchorA=a.position, anchorB=b.position, **spring)
        self.ends.append(a)
        if not bone:
            self.muscles.append((joint, joint.length, drive["phase"], ((0.3 * amplitude) * 2) * math.pi))

    def step(self):
        for joint, rest, swing, offset in self.muscles:
            joint.length = rest + swing * math.cos(self.angle + offset)
        self.world.Step(STEP, 10, 10)
        self.angle += CLOCK_PER_STEP

    def evaluate(self, ms):
        for _ in range(ms // 350):
            self.owed += min(350 * 4 / 1000, 0.35)
            while self.owed >= STEP:
                self.step()
                self.owed -= STEP
        return abs(min(body.position.x for body in self.ends) + self.offset_x)


def main():
    ms, seconds = int(sys.argv[1]), float(sys.argv[2])
    rows = []
    for named in json.load(sys.stdin):
        times, began = 0, time.process_time()
        while not times or time.process_time() - began < seconds:
            fitness = Simulator(named["walker"]).evaluate(ms)
            times += 1
        rows.append({"name": named["name"], "fitness": fitness, "cpu_s": (time.process_time() - began) / times})
    json.dump(rows, sys.stdout)


if __name__ == "__main__":
    main()
