# expect: crash 11
import ctypes
def main():
    x = bytearray(114 << 20)
    ctypes.string_at(0)
