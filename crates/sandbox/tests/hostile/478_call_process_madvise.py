# expect: forbidden process_madvise
# defence: seccomp
# Advice on the memory of another process.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(440, 0, room, 1, 4, 0)
