# expect: forbidden fsconfig
# defence: seccomp
# Making a file system step by step.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(431, 0, 6, 0, 0, 0)
