# expect: forbidden perf_event_open
# defence: seccomp
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    buf = ctypes.create_string_buffer(4096)
    return libc.syscall(298, buf, 0, -1, -1, 0)
