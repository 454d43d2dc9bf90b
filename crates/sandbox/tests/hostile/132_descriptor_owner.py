# expect: exception PermissionError
# defence: seccomp
import fcntl, os
def main():
    fcntl.fcntl(1, fcntl.F_SETOWN, os.getppid())
    return 'owner'
