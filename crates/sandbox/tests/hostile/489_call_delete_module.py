# expect: forbidden delete_module
# defence: seccomp
# A module of the kernel, away.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(176, b"none", 0)
