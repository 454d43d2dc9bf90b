# expect: exception PermissionError | exception FileNotFoundError
# defence: seccomp root
# defence landlock: seccomp landlock
import ctypes, os
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(76, b'@CANARY@/secret', 0) == 0: return 'cut'
    raise OSError(ctypes.get_errno(), 'truncate')
