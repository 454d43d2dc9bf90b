# expect: timeout cpu
# defence: cpu
# without: timeout wall
# defence landlock: cpu
# without landlock: timeout wall
import signal
def main():
    for s in range(1, 65):
        try: signal.signal(s, signal.SIG_IGN)
        except (OSError, ValueError): pass
    while True: pass
