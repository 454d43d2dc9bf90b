# expect: forbidden quotactl
# defence: seccomp
# Limits of disks.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(179, 0, 0, 0, 0)
