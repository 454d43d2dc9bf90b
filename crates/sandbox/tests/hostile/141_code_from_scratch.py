# expect: exception PermissionError | exception OSError
import mmap, os
def main():
    open('code', 'wb').write(b'\xc3' * 4096)
    fd = os.open('code', os.O_RDWR)
    mmap.mmap(fd, 4096, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC)
    return 'code'
