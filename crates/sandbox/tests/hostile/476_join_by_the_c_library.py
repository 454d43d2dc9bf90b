# expect: ok 0
# Honest: waiting for a thread's end is a lock that is not private, and still works.
import ctypes
def main():
    libc = ctypes.CDLL(None)
    thread, start = ctypes.c_ulong(), ctypes.cast(libc.getpid, ctypes.c_void_p)
    if libc.pthread_create(ctypes.byref(thread), None, start, None): return -1
    return libc.pthread_join(thread, None)
