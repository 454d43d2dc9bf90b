# expect: forbidden migrate_pages
# defence: seccomp
# Pages, elsewhere.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(256, 0, 0, 0, 0)
