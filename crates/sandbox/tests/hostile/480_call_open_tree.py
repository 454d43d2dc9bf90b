# expect: forbidden open_tree
# defence: seccomp
# A copy of a mount, to be put elsewhere.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(428, -100, b"/", 1)
