# expect: forbidden finit_module
# defence: seccomp
# A module for the kernel, from a file.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(313, 0, b"", 0)
