# expect: ok 0
import ctypes, gc, re
def main():
    marker = re.compile(b'[L][E][F][T][O][V][E][R]')  # the word itself must not be in this program's memory
    fresh = [object() for _ in range(10000)], [bytes(n) for n in range(500) for _ in range(20)]
    pages = {id(x) & ~0xfff for xs in (gc.get_objects(), *fresh) for x in xs}
    return sum(len(marker.findall(ctypes.string_at(page, 4096))) for page in pages)
