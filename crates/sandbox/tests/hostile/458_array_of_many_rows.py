# expect: result_limit nodes host | result_limit nodes program | exception ModuleNotFoundError
import numpy as np
def main(): return np.zeros((10 ** 6,) + (1,) * 20, np.uint8)
