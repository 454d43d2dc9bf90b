# expect: ok
import sys, importlib
def main():
    sys.meta_path.clear(); sys.path.clear(); sys.path_importer_cache.clear()
    importlib.import_module = None
    return 1
