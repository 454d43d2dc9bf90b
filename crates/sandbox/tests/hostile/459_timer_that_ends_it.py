# expect: crash 27
import signal
def main():
    signal.setitimer(signal.ITIMER_PROF, 0.001, 0.001)
    while True: pass
