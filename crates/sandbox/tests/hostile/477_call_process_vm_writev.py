# expect: forbidden process_vm_writev
# defence: seccomp
# Writing into the memory of the fork server.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(311, libc.getppid(), room, 1, room, 1, 0)
