# expect: ok 1
# defence: seccomp
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall(67, ctypes.c_void_p(4096))
    return ctypes.get_errno()
