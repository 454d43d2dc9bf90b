# expect: bad_frame
import os, struct
def main():
    b = b'Vaf08' + struct.pack('<BQQ', 2, 1 << 40, 1 << 40)
    os.write(3, b'SMR1' + struct.pack('<I', len(b)) + b)
    os._exit(0)
