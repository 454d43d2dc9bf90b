# expect: no_result 70 | no_result 0
import os
def main():
    os.close(3)
    os.dup2(1, 3)
    return 1
