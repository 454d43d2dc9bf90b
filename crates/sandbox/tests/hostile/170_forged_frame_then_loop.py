# expect: timeout cpu
# defence: cpu
# without: timeout wall
# defence landlock: cpu
# without landlock: timeout wall
import os, struct
def main():
    b = b'Vs' + struct.pack('<I', 6) + b'FORGED'
    os.write(3, b'SMR1' + struct.pack('<I', len(b)) + b)
    while True: pass
