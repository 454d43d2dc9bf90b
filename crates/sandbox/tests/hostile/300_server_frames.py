# expect: ok []
# What the server knew of the last program would be in a frame below this one, by whatever name.
import sys
WORDS = ("exit", "status", "usage", "peak", "time", "size", "packet", "pid")
def main():
    known, frame = [], sys._getframe().f_back
    while frame:
        for name, value in {**frame.f_globals, **frame.f_locals}.items():
            if any(word in name for word in WORDS) and not callable(value): known.append(name)
        frame = frame.f_back
    return known
