# expect: forbidden ioperm
# defence: seccomp
# One port of the machine.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(173, 0, 1, 1)
