# expect: ok [-1, -1, -1, -1]
# defence: seccomp root
# defence landlock: seccomp
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    buf = ctypes.create_string_buffer(4096)
    p = b'@CANARY@/secret'
    return [libc.syscall(90, p, 0), libc.syscall(268, -100, p, 0), libc.syscall(452, -100, p, 0, 0), libc.syscall(92, p, 0, 0)]
