# expect: exception PermissionError
import os, signal
def main():
    os.kill(os.getppid(), signal.SIGSTOP)
    return 'stopped'
