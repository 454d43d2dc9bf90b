# expect: result_limit depth host
import os, struct
def main():
    b = b'V' + (b'l' + struct.pack('<I', 1)) * 100000 + b'N'
    b = b'SMR1' + struct.pack('<I', len(b)) + b
    while b: b = b[os.write(3, b):]
    os._exit(0)
