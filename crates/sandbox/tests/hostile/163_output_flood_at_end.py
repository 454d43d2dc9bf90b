# expect: output_limit
# defence: output
# defence landlock: output
import os
def main():
    os.write(1, b'x' * 65535); os.write(1, b'yz')
    return 1
