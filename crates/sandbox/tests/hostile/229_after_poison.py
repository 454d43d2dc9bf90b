# expect: ok [3, 2]
import fractions, os, statistics
def main(): return [int(fractions.Fraction(6, 2)), int(statistics.median([1, 2, 3]))]
