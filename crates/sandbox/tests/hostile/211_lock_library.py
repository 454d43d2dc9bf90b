# expect: exception PermissionError
# defence: seccomp
import fcntl, os
def main(): fcntl.flock(open(os.__file__), fcntl.LOCK_EX); return 'locked'
