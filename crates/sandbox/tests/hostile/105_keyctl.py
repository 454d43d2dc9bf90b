# expect: forbidden keyctl
# defence: seccomp
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    buf = ctypes.create_string_buffer(4096)
    return libc.syscall(250, 0, -3, 1)
