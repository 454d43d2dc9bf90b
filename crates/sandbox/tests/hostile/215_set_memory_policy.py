# expect: ok 1
# defence: seccomp
# without: ok 0
# Refused, but no reason to end a program: numpy asks for it where it takes much memory.
import ctypes, mmap
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    page = mmap.mmap(-1, 4096)
    at = ctypes.addressof(ctypes.c_char.from_buffer(page))
    libc.syscall(237, ctypes.c_void_p(at), 4096, 0, None, 0, 0)
    return ctypes.get_errno()
