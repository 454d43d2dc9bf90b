# expect: forbidden fanotify_init
# defence: seccomp
# What anybody does with files.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(300, 0, 0)
