# expect: forbidden swapon
# defence: seccomp
# Memory on a disk.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(167, b"none", 0)
