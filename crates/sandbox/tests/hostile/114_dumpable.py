# expect: ok -1
# defence: seccomp
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    buf = ctypes.create_string_buffer(4096)
    return libc.prctl(4, 1, 0, 0, 0)
