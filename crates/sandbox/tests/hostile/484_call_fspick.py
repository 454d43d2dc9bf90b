# expect: forbidden fspick
# defence: seccomp
# The settings of a file system that is mounted.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(433, -100, b"/", 0)
