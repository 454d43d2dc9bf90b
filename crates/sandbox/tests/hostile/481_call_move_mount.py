# expect: forbidden move_mount
# defence: seccomp
# A mount, put elsewhere.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(429, -100, b"/python", -100, b"/scratch", 0)
