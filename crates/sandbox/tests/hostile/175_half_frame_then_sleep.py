# expect: timeout wall
import os, time
def main():
    os.write(3, b'SMR1')
    time.sleep(1000)
