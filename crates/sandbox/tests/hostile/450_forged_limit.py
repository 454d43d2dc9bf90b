# expect: result_limit bytes program
import os, struct
def main():
    b = b'Ls' + struct.pack('<I', 5) + b'bytes'
    os.write(3, b'SMR1' + struct.pack('<I', len(b)) + b)
    os._exit(0)
