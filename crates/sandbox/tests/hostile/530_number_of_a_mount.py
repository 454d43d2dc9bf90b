# expect: ok 1
# defence: seccomp
# without: ok 0
# The machine numbers its mounts one after the other, and each program in a jail gets one.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    found = ctypes.create_string_buffer(256)
    libc.syscall(332, -100, b"/", 0, 0x4000, found)
    return ctypes.get_errno()
