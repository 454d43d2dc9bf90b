# expect: ok slow
import os, struct, time
def main():
    value = b'Vs' + struct.pack('<I', 4) + b'slow'
    for byte in b'SMR1' + struct.pack('<I', len(value)) + value:
        os.write(3, bytes([byte]))
        time.sleep(0.005)
    os._exit(0)
