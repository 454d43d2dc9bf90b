# expect: forbidden add_key
# defence: seccomp
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    buf = ctypes.create_string_buffer(4096)
    return libc.syscall(248, b'user', b'x', b'y', 1, -3)
