# expect: ok 0
# Reading the library changes no time that the next program could see.
import os
def main():
    folder, changed = os.path.dirname(os.__file__), 0
    for name in sorted(os.listdir(folder)):
        path = folder + '/' + name
        if name.endswith('.py') and os.path.exists(path):
            before = os.stat(path).st_atime_ns
            open(path, 'rb').read(1)
            changed += os.stat(path).st_atime_ns != before
    return changed
