# expect: ok []
import os
def main():
    moved = []
    for source, target in (('/scratch', '/x'), ('/python/lib', '/scratch/l'), ('/dev/null', '/scratch/n'), ('/usr', '/scratch/u')):
        try: os.rename(source, target); moved.append(source)
        except OSError: pass
    return moved
