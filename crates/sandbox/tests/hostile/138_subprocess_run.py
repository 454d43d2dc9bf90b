# expect: exception PermissionError
import subprocess
def main(): return subprocess.run(['/bin/sh', '-c', 'touch @CANARY@/ESCAPED']).returncode
