# expect: output_limit
import os
def main():
    os.write(1, b'x' * 65535); os.write(1, b'yz')
    return 1
