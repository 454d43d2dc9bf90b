# expect: exception FileNotFoundError | exception PermissionError | exception ImportError
from multiprocessing import shared_memory
def main():
    shared_memory.SharedMemory('samara_left', create=True, size=64)
    return 'left behind'
