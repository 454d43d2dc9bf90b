# expect: forbidden mount_setattr
# defence: seccomp
# Making the root writable.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(442, -100, b"/", 0, room, 32)
