# expect: crash 7
# expect landlock: exception PermissionError
import mmap, os
def main():
    file = os.open('f', os.O_CREAT | os.O_RDWR)
    os.ftruncate(file, 8192)
    memory = mmap.mmap(file, 8192)
    os.ftruncate(file, 0)
    return memory[4096]
