# expect: bad_frame
import os, struct
def main():
    os.write(3, b'SMR1' + struct.pack('<I', 2) + b'VN')
    return 1
