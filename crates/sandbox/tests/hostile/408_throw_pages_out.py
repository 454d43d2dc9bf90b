# expect: ok 1
# defence: seccomp
# What others have in memory, too, is read from the disk again: they are slower, and can tell.
import ctypes, mmap
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    memory = mmap.mmap(-1, 1 << 20)
    libc.madvise(ctypes.addressof(ctypes.c_char.from_buffer(memory)), 1 << 20, 21)
    return ctypes.get_errno()
