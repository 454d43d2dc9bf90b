# expect: ok 1
# The list of calls refuses it, and so does the limit of memory that stays, which is nothing.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall(149, 0, 0)
    return ctypes.get_errno()
