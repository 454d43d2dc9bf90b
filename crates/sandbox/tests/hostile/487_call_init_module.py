# expect: forbidden init_module
# defence: seccomp
# A module for the kernel, from memory.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(175, room, 0, b"")
