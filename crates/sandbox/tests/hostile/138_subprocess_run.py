# expect: exception PermissionError
# defence: seccomp root landlock
import subprocess
def main(): return subprocess.run(['/bin/sh', '-c', 'touch @CANARY@/ESCAPED']).returncode
