# expect: forbidden acct
# defence: seccomp
# A log of all processes.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(163, b"/none")
