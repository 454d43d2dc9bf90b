# expect: ok 1
# defence: seccomp
# without: no_result 9 | ok 22
import ctypes, os
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.clone.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
    stack = ctypes.create_string_buffer(1 << 16)
    top = (ctypes.addressof(stack) + (1 << 16)) & ~15
    pause = ctypes.cast(libc.sleep, ctypes.c_void_p)
    pidfd = ctypes.c_int()
    started = libc.clone(pause, top - 64, 0x11f00, 100, ctypes.addressof(pidfd))
    os._exit(9) if started > 0 else None
    return ctypes.get_errno()
