# expect: forbidden reboot
# defence: seccomp
# Another start; with numbers that the kernel does not take, for the sake of its tests.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(169, 0, 0, 0, 0)
