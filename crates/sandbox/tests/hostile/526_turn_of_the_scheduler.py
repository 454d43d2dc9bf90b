# expect: ok 1
# defence: seccomp
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall(148, 0, ctypes.create_string_buffer(16))
    return ctypes.get_errno()
