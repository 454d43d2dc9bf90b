"""What llama.cpp takes for a GGUF file: `quantised_peer.py FILE WORK_FILE LIBRARIES`, as JSON. Runs in benchmarks/.venv.

The work file holds token numbers; quantised.py writes it and starts this. Times are those inside llama_decode alone (see
llama_peer.py, whose functions these are).
"""

import ctypes
import json
import os
import pathlib
import sys

import llama_peer


def main():
    path, work, libraries = map(pathlib.Path, sys.argv[1:4])
    os.environ["LLAMA_CPP_LIB_PATH"] = str(libraries)
    ctypes.CDLL = llama_peer.Library
    import llama_cpp.llama_cpp as llama

    # Two ways to lay out memory rather than all four: those that won for models of this size.
    llama_peer.PATIENCE, llama_peer.WAYS = 3, llama_peer.WAYS[:2]
    work = json.loads(work.read_text())
    quiet = llama.llama_log_callback(lambda level, text, data: None)
    llama.llama_log_set(quiet, None)
    loader = llama_peer.Library(str(libraries / "libggml.so"))
    loader.ggml_backend_load_all_from_path.argtypes = [ctypes.c_char_p]
    loader.ggml_backend_load_all_from_path(str(libraries).encode())
    llama.llama_backend_init()
    model = llama.llama_model_load_from_file(str(path).encode(), llama.llama_model_default_params())
    if not model:
        sys.exit(f"llama.cpp did not load {path}")
    found = {"decode": [], "score": []}
    for threads in work["threads"]:
        for batch in work["batches"]:
            found["decode"].append(llama_peer.generate(llama, model, work, threads, batch)[1])
        tried = [llama_peer.score(llama, model, work["judged"], threads, batch, -1) for batch in (32, 8)]
        best = max(tried, key=lambda one: one["per_s"])
        del best["scores"]
        found["score"].append(best)
    found["mb"] = llama_peer.megabytes()
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
