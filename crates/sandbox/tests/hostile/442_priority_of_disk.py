# expect: ok 1
# defence: seccomp
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall(251, 1, 0, 3 << 13)
    return ctypes.get_errno()
