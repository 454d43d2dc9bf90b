# expect: ok 11
# defence: seccomp
# A lock in the library's own text, which every program has in memory, would wake a program beside this one.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    text = ctypes.cast(libc.getpid, ctypes.c_void_p)
    libc.syscall(202, text, 1, 1, 0, 0, 0)
    return ctypes.get_errno()
