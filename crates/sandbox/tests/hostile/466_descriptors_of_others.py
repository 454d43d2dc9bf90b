# expect: exception FileNotFoundError | exception PermissionError
# expect landlock: ok
# defence: root
# Under Landlock it is open (see SECURITY.md): who may stat may count.
import os
def main(): return [os.stat('/proc/1').st_nlink, os.stat('/proc/1/task').st_nlink]
