# expect: bad_frame
import os, struct
def main():
    b = b'Ls' + struct.pack('<I', 4) + b'wall'
    os.write(3, b'SMR1' + struct.pack('<I', len(b)) + b)
    os._exit(0)
