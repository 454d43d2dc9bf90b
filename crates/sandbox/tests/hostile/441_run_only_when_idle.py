# expect: ok 1
# defence: seccomp
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall(144, 0, 5, bytes(8))
    return ctypes.get_errno()
