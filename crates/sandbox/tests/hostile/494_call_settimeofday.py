# expect: forbidden settimeofday
# defence: seccomp
# The clock of the host: asked to change nothing.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(164, 0, 0)
