# expect: exception OSError | exception PermissionError | ok
import os
def main():
    path = 'd'
    for _ in range(1000):
        os.mkdir(path)
        path += '/d'
    return 1
