# expect: exception PermissionError
# defence: seccomp
# without: timeout wall
import os, signal
def main():
    os.kill(os.getpid(), signal.SIGSTOP)
    return 1
