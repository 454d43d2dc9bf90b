# expect: exception PermissionError | exception FileNotFoundError
import os
def main(): return os.listdir('@CANARY@')
