# expect: exception PermissionError
# defence: seccomp
import fcntl
def main(): return fcntl.fcntl(1, 1031, 1 << 20)
