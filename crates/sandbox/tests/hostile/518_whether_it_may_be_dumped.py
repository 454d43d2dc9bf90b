# expect: ok 1
# defence: seccomp
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall(157, 3, 0, 0, 0, 0)
    return ctypes.get_errno()
