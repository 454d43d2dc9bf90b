# expect: forbidden name_to_handle_at
# defence: seccomp
# A name for a file that leads around folders.
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    room = ctypes.create_string_buffer(4096)
    return libc.syscall(303, -100, b"/", room, room, 0)
