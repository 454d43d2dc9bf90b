# expect: forbidden pivot_root
# defence: seccomp
# Another root.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(155, b".", b".")
