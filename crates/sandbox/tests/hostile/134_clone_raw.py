# expect: ok -1
# defence: seccomp
# without: bad_frame | ok
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    buf = ctypes.create_string_buffer(4096)
    return libc.syscall(56, 17, None, None, None, None)
