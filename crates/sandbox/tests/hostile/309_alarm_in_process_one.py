# expect: timeout wall | crash 14
# Process 1 of a namespace is not ended by signals that it sends itself: the host's clocks end it.
import signal, time
def main():
    signal.alarm(1)
    time.sleep(1000)
