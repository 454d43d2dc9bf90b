# expect: forbidden adjtimex
# defence: seccomp
# The speed of the clock.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(159, 0)
