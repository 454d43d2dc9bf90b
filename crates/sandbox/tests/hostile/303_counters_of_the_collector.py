# expect: ok [0, 0]
import gc
def main(): return list(gc.get_count())[1:]
