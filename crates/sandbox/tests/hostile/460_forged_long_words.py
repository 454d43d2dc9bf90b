# expect: exception xxxxxxxxxxxxxxxxxxxx
import os, struct
def main():
    text = lambda word: b's' + struct.pack('<I', len(word)) + word
    b = b'E' + text(b'x' * 20) + text(b'y' * 1000000)
    os.write(3, b'SMR1' + struct.pack('<I', len(b)) + b)
    os._exit(0)
