# expect: crash 27 | timeout cpu
# The first process of a namespace is not ended by a signal that it has no answer to.
import signal
def main():
    signal.setitimer(signal.ITIMER_PROF, 0.001, 0.001)
    while True: pass
