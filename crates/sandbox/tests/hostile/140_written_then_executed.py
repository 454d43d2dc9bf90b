# expect: ok -1
# defence: seccomp
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    buf = ctypes.create_string_buffer(4096)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
    page = libc.mmap(None, 4096, 3, 34, -1, 0)
    ctypes.memset(page, 0xc3, 4096)
    return libc.mprotect(ctypes.c_void_p(page), 4096, 5)
