# expect: ok 1
# defence: seccomp
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall(56, 0x10d80, 0, 0, 0, 0)
    return ctypes.get_errno()
