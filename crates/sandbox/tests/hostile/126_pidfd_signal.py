# expect: ok -1
# defence: seccomp landlock
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    buf = ctypes.create_string_buffer(4096)
    fd = libc.syscall(434, libc.getppid() or libc.getpid(), 0)
    return libc.syscall(424, fd, 9, None, 0)
