# expect: exception PermissionError | exception FileNotFoundError
# defence: root
# defence landlock: landlock
import os
def main(): return os.listdir('@CANARY@')
