# expect: forbidden iopl
# defence: seccomp
# The ports of the machine.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(172, 3)
