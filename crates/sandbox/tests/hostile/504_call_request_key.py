# expect: forbidden request_key
# defence: seccomp
# A key of the kernel, or a process of the host that makes one.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(249, b"user", b"none", 0, 0)
