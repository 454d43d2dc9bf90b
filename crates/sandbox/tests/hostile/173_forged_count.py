# expect: bad_frame
import os, struct
def main():
    b = b'Vl' + struct.pack('<I', 0xffffffff)
    os.write(3, b'SMR1' + struct.pack('<I', len(b)) + b)
    os._exit(0)
