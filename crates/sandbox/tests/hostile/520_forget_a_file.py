# expect: ok 1
# defence: seccomp
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall(221, 0, 0, 0, 4)
    return ctypes.get_errno()
