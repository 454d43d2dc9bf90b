# expect: ok -1
# defence: seccomp root
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    buf = ctypes.create_string_buffer(4096)
    return libc.syscall(254, libc.syscall(294, 0), b'@CANARY@', 0xfff)
