#!/usr/bin/env bash
# Import, training, resuming and testing with onedl-mmengine and onedl-mmcv, maintained forks, in the
# places of mmengine and mmcv. Run it after `make install`:
#   tests/smoke_forks.sh [VENV]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

echo "== forks: an environment in front of ${1:-.venv}, whose other packages it uses"
packages='import sysconfig; print(sysconfig.get_path("purelib"))'
"${1:-.venv}/bin/python" -m venv "$folder"
"${1:-.venv}/bin/python" -c "$packages" >"$("$folder/bin/python" -c "$packages")/others.pth"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
    onedl-mmengine==0.10.12 onedl-mmcv==2.3.6
"$folder/bin/python" -c 'import mmengine; assert mmengine.__version__ == "0.10.12"'
OMP_NUM_THREADS=1 PYTHONPATH="$PWD:$PWD/demo" "$folder/bin/python" -m pytest -p no:cacheprovider \
    tests/test_compat.py tests/test_configs.py tests/tools/test_train_and_test.py \
    tests/engine/hooks/test_exact_resume_hook.py tests/reliability/test_bad_checkpoints.py
