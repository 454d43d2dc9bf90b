# expect: ok
keep = []
def main():
    for i in range(2000): keep.append('LEFT' + 'OVER' + str(i)); keep.append(('LEFT' + 'OVER').encode() * 3)
    return len(keep)
