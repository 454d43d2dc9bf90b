# expect: no_result 3
import os
def main():
    x = bytearray(114 << 20)
    os._exit(3)
