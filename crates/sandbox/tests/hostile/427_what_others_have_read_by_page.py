# expect: ok 1
# defence: seccomp
# without: ok 14
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall(27, ctypes.c_void_p(id(libc) & ~4095), 4096, 1)
    return ctypes.get_errno()
