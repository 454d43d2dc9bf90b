# expect: ok 1 | exception PermissionError
# defence: seccomp
# A device of the kernel's in the place of the file.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    open('a', 'w').close()
    libc.syscall(316, -100, b'a', -100, b'b', 4)
    return ctypes.get_errno()
