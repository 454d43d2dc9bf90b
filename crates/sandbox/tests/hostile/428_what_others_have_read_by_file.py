# expect: ok 1
# defence: seccomp
# without: ok
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall(451, 0, 0, 0, 0)
    return ctypes.get_errno()
