# expect: ok [-1, -1, -1, -1]
# defence: seccomp landlock
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    buf = ctypes.create_string_buffer(4096)
    p = libc.getppid() or libc.getpid()
    return [libc.syscall(234, p, p, 19), libc.syscall(200, p, 19), libc.syscall(129, p, 19, buf), libc.syscall(297, p, p, 19, buf)]
