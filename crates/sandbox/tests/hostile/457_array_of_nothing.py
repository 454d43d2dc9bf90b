# expect: result_limit nodes host | result_limit nodes program | exception ModuleNotFoundError
import numpy as np
def main(): return np.zeros((10 ** 8, 0))
