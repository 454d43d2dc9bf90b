# expect: forbidden io_uring_register
# defence: seccomp
# The same, for the queue that is there already.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(427, 0, 0, 0, 0)
