# expect: crash 11
import os, struct, ctypes
def main():
    b = b'Vs' + struct.pack('<I', 6) + b'FORGED'
    os.write(3, b'SMR1' + struct.pack('<I', len(b)) + b)
    ctypes.string_at(0)
