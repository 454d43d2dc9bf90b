# expect: forbidden io_uring_enter
# defence: seccomp
# Calls in a queue, past the list of calls.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(426, 0, 0, 0, 0, 0, 0)
