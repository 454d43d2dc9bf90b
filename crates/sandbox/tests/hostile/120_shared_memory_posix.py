# expect: exception FileNotFoundError | exception PermissionError | exception ImportError
# defence: seccomp root
# without: ok | exception BrokenPipeError
from multiprocessing import shared_memory
def main():
    shared_memory.SharedMemory('samara_left', create=True, size=64)
    return 'left behind'
