# expect: ok | timeout | exception
import signal
def main():
    signal.signal(signal.SIGALRM, lambda *a: None)
    signal.setitimer(signal.ITIMER_REAL, 1e-6, 1e-6)
    return sum(range(1000))
