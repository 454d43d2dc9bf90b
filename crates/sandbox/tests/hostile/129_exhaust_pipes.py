# expect: exception PermissionError
import os
def main():
    return [os.pipe() for _ in range(100000)]
