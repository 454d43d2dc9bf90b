# expect: result_limit nodes host
import os, struct
def main():
    b = b'Vaf08' + struct.pack('<BQQ', 2, 1 << 62, 0)
    os.write(3, b'SMR1' + struct.pack('<I', len(b)) + b)
    os._exit(0)
