# expect: timeout wall
# defence: wall
# defence landlock: wall
import time
def main(): time.sleep(1.5); return 'slept'
