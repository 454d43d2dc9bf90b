# expect: ok -1
import ctypes
def main():
    libc = ctypes.CDLL(None, use_errno=True)
    buf = ctypes.create_string_buffer(4096)
    import struct
    head = ctypes.create_string_buffer(struct.pack('=Ii', 0x20080522, 0))
    return libc.capset(head, ctypes.create_string_buffer(b'\xff' * 24))
