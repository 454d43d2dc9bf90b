# expect: bad_frame
import os, struct
def main():
    b = b'V' + b''.join(b'l' + struct.pack('<I', 5 * left + 99) for left in range(60, 0, -1)) + b'N' * 99
    os.write(3, b'SMR1' + struct.pack('<I', len(b)) + b)
    os._exit(0)
