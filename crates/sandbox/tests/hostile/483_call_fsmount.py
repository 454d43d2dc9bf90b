# expect: forbidden fsmount
# defence: seccomp
# A file system that was made, as a mount.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(432, 0, 0, 0)
