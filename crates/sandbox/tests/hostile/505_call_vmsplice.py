# expect: forbidden vmsplice
# defence: seccomp
# Memory that is given to a pipe as it is.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(278, 1, 0, 0, 0)
