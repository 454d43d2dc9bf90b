# expect: forbidden kexec_load
# defence: seccomp
# Another kernel, from memory.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(246, 0, 0, 0, 0)
