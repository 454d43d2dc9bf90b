# expect: forbidden clock_settime
# defence: seccomp
# The clock of the host, with no time.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(227, 0, 0)
