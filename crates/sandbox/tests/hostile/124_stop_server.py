# expect: exception PermissionError
# defence: seccomp landlock
import os, signal
def main():
    os.kill(os.getppid(), signal.SIGSTOP)
    return 'stopped'
