# expect: timeout wall
# defence: wall
# defence landlock: wall
# Asleep, but woken all the time.
import signal, time
def main():
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    end = time.monotonic() + 1.5
    while time.monotonic() < end: time.sleep(1)
    return 'slept'
