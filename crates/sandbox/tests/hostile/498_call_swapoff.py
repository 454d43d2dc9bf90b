# expect: forbidden swapoff
# defence: seccomp
# Memory on a disk, away.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(168, b"none")
