# expect: forbidden syslog
# defence: seccomp
# The log of the kernel: its size alone.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(103, 10, 0, 0)
