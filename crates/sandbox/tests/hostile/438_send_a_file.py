# expect: ok 1
# defence: seccomp
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall(40, 1, 0, 0, 1)
    return ctypes.get_errno()
