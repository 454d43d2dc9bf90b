# expect: exception PermissionError
# defence: seccomp
# without: timeout wall | ok 1
import os, signal
def main():
    os.kill(os.getpid(), signal.SIGSTOP)
    return 1
