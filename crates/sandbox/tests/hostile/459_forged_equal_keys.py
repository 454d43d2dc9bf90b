# expect: bad_frame
import os, struct
def main():
    one = b'i' + struct.pack('<I', 1) + b'\x01'
    b = b'Vm' + struct.pack('<I', 3) + one + b'N' + b'TN' + b'd' + struct.pack('<d', 1.0) + b'N'
    os.write(3, b'SMR1' + struct.pack('<I', len(b)) + b)
    os._exit(0)
