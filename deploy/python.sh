# Find a Python to make a venv with; read by deploy/bootstrap and deploy/install. PYTHON=/path/to/python3 chooses one;
# $root is where the system's own paths are looked at.

usable_python() { "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
  for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 "$root/usr/bin/python3"}; do
    ! usable_python "$candidate" || { command -v "$candidate"; return 0; }
  done
  return 1
}
