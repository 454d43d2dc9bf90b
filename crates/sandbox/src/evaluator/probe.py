# Run once by the host's Python, unconfined and trusted, to say where an evaluator's interpreter has its files: printed
# as JSON.
import json
import os
import site
import sys
import sysconfig

places = [sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix, os.path.dirname(sys.executable)]
places += [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
places += [os.path.dirname(os.path.realpath(sys.executable))]
# Packages, and what .pth files of the environment name.
places += [path for path in sys.path if path]
home = os.path.realpath(os.path.expanduser("~"))
seen = []
for place in places:
    for path in (os.path.abspath(place), os.path.realpath(place)):
        if os.path.exists(path) and path not in seen and os.path.realpath(path) not in ("/", home):
            seen.append(path)
print(
    json.dumps(
        {
            "executable": os.path.abspath(sys.executable),
            "version": list(sys.version_info[:2]),
            "places": seen,
            "user_base": site.getuserbase() if site.ENABLE_USER_SITE and os.path.isdir(site.getusersitepackages()) else None,
        }
    )
)
