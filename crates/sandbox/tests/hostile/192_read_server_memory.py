# expect: forbidden process_vm_readv
# defence: seccomp
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    buf = ctypes.create_string_buffer(4096)
    return libc.process_vm_readv(libc.getppid(), buf, 1, buf, 1, 0)
