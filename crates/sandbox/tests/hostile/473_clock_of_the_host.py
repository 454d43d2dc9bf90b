# expect: exception PermissionError
# defence: seccomp
# without: ok | exception OSError
# The clocks that others' alarms are set by.
import time
def main(): return time.clock_gettime(9) > 0
