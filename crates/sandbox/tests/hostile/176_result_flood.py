# expect: result_limit
import os
def main():
    while True: os.write(3, b'x' * 65536)
