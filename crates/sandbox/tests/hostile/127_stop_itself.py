# expect: exception PermissionError
import os, signal
def main():
    os.kill(os.getpid(), signal.SIGSTOP)
    return 1
