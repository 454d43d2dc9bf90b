# expect: forbidden kexec_file_load
# defence: seccomp
# Another kernel, from a file.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(320, 0, 0, 0, 0, 0)
