# expect: no_result 70
import os
def main(): os._exit(70)
