# expect: forbidden setdomainname
# defence: seccomp
# The name of the domain.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(171, b"x", 1)
