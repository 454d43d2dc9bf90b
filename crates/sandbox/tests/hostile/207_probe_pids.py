# expect: ok []
# defence: seccomp
import os
def main():
    seen = []
    for pid in range(1, 3000):
        for ask in (os.getpgid, os.getsid, os.sched_getscheduler, lambda p: os.getpriority(os.PRIO_PROCESS, p)):
            try: ask(pid); seen.append(pid)
            except OSError: pass
    return seen
