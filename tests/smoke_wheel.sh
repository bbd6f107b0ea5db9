#!/usr/bin/env bash
# The wheel, installed as a user would with the newest releases of everything that does not have to
# be old, must train, resume and evaluate from an empty folder:
#   tests/smoke_wheel.sh
set -euo pipefail
unset PYTHONPATH
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

echo "== wheel: building it from a copy of the tracked files"
mkdir "$folder/source" "$folder/empty"
git -C "$repository" ls-files -z --cached --others --exclude-standard |
    (cd "$repository" && xargs -0 cp --parents -t "$folder/source")
"${PYTHON:-python3}" -m venv "$folder/venv"
python=$folder/venv/bin/python
# Held at the tested versions: what MMAction2 or mim cannot do without, and PyTorch. All else is new.
grep -E '^(torch|torchvision|mmengine|mmaction2|mmcv-lite|setuptools|openmim)==' \
    "$repository/requirements/constraints.txt" >"$folder/pins.txt"
export PIP_DISABLE_PIP_VERSION_CHECK=1
"$python" -m pip install --quiet --constraint "$folder/pins.txt" setuptools
"$python" -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir "$folder" "$folder/source"
wheel=$(ls "$folder"/dferclip_mm-*.whl)

echo "== installing $(basename "$wheel") with the newest numpy and OpenCV (a few minutes)"
"$python" -m pip install --constraint "$folder/pins.txt" "dferclip_mm[mim,mmcv-lite] @ file://$wheel"
"$python" -m pip list 2>/dev/null | grep -iE '^(numpy|opencv|torch|mm|open_clip)' || true

export PATH="$folder/venv/bin:$PATH" OMP_NUM_THREADS=1
cd "$folder/empty"
tiny=(train_dataloader.batch_size=4 val_dataloader.batch_size=4 test_dataloader.batch_size=4)

echo "== data"
python "$repository/demo/make_data.py" data/demo --clips-per-class 5 --identities 5 --size 48
config=$repository/configs/demo_dferclip.py
echo "== train one epoch, then resume for a second"
mim train dferclip_mm "$config" --work-dir run --cfg-options train_cfg.max_epochs=1 "${tiny[@]}"
mim train dferclip_mm "$config" --work-dir run --resume \
    --cfg-options train_cfg.max_epochs=2 "${tiny[@]}" 2>&1 | tee resume.log
grep -q 'resumed epoch: 1' resume.log
[ -e run/epoch_2.pth ]
echo "== evaluate"
mim test dferclip_mm "$config" --checkpoint run/epoch_2.pth --work-dir run \
    --cfg-options test_evaluator.save_to=run/test_results.json "${tiny[@]}"
mim test mmaction2 "$config" --checkpoint run/epoch_2.pth \
    --work-dir run --cfg-options "${tiny[@]}"
mim run dferclip_mm report run
mim search dferclip_mm --model DFER-CLIP
echo "== a config of the wheel as the base of an own one"
echo "_base_ = 'dferclip_mm::configs/dferclip_dfew.py'" >own.py
python - <<'END'
from dferclip_mm.engine.options import load_config
from mmengine.hub import get_config

named = get_config('dferclip_mm::configs/dferclip_dfew.py')
assert load_config('own.py').train_dataloader.dataset.type == named.train_dataloader.dataset.type
END
echo "smoke of the wheel: passed"
