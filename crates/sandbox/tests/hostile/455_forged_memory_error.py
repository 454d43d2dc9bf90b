# expect: exception MemoryError
import os, struct
def main():
    text = lambda word: b's' + struct.pack('<I', len(word)) + word
    b = b'E' + text(b'MemoryError') + text(b'')
    os.write(3, b'SMR1' + struct.pack('<I', len(b)) + b)
    os._exit(0)
