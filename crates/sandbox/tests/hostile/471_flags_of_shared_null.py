# expect: exception PermissionError
# defence: seccomp
import fcntl, os
def main(): fcntl.fcntl(0, fcntl.F_SETFL, os.O_NONBLOCK | os.O_APPEND); return 'changed for all'
