# expect: ok [0, 0]
# All programs of a server have one /dev/null open: it keeps no place.
import os
def main(): return [os.lseek(0, 4242, 0), os.lseek(0, 0, 1)]
