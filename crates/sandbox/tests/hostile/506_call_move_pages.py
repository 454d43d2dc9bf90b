# expect: forbidden move_pages
# defence: seccomp
# Where in memory pages are.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(279, 0, 0, 0, 0, 0, 0)
