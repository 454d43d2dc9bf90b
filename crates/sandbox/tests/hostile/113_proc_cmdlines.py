# expect: exception FileNotFoundError | exception PermissionError
# defence: root
import os
def main():
    lines = []
    for p in os.listdir('/proc'):
        try: lines.append(open('/proc/%s/cmdline' % int(p)).read())
        except (OSError, ValueError): pass
    return lines
