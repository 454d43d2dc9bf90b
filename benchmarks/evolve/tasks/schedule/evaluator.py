# A flow shop: 24 jobs pass five machines in one order, and sum of lateness counts beside the time when all are done.
import runpy

JOBS, MACHINES = 24, 5
# Minutes and dates by a fixed congruence, so that they look arbitrary and never change.
MINUTES = [[3 + (job * 37 + machine * 61 + job * machine * 13) % 29 for machine in range(MACHINES)] for job in range(JOBS)]
DUE = [90 + (job * 53) % 380 for job in range(JOBS)]


def cost(order):
    """The time of the end, and a tenth of the minutes that jobs are late."""
    free, late = [0] * MACHINES, 0
    for job in order:
        ready = 0
        for machine, minutes in enumerate(MINUTES[job]):
            ready = max(ready, free[machine]) + minutes
            free[machine] = ready
        late += max(0, ready - DUE[job])
    return free[-1] + late / 10


# No order is done before its busiest machine has done all jobs.
LEAST = max(sum(minutes[machine] for minutes in MINUTES) for machine in range(MACHINES))


def evaluate(program_path):
    try:
        order = list(runpy.run_path(program_path)["order"]())
        if sorted(order) != list(range(JOBS)):
            raise ValueError("an order must name each job once")
    except Exception as error:
        return {"combined_score": 0.0, "error": f"{type(error).__name__}: {error}"}
    value = cost(order)
    return {"combined_score": LEAST / value, "cost": value}
