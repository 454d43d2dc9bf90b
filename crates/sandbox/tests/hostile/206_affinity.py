# expect: exception PermissionError
# defence: seccomp
import os
def main(): os.sched_setaffinity(0, [0]); return 1
