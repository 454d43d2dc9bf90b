# expect: no_result 3
import os, struct
def main():
    b = b'Vs' + struct.pack('<I', 6) + b'FORGED'
    os.write(3, b'SMR1' + struct.pack('<I', len(b)) + b)
    os._exit(3)
