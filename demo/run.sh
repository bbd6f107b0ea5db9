#!/usr/bin/env bash
# The whole way on drawn faces: data, training with 2 processes, evaluation, pictures, and a film of
# two people whose emotions are followed over time.
#   demo/run.sh [demo_dferclip|demo_emoclip]
# What is there from an earlier run is used again; FRESH=1 trains anew. DEMO_OUT is the run's
# folder. `make demo` and `make demo-emoclip` call this with the environment's programs first on PATH.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
data=data/demo
name=${1:-demo_dferclip}
out=${DEMO_OUT:-work_dirs/$name}
config=configs/$name.py
trained=$out/training_finished
# Two processes on two cores: one thread for each.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} MKL_NUM_THREADS=${MKL_NUM_THREADS:-1}

say() { printf '\n== %s\n' "$*"; }

say "data: facial-expression clips in $data, drawn unless they are there"
mkdir -p data
python demo/make_data.py "$data" --clips-per-class 150 --identities 50 \
    --sheet data/demo_faces.png

[ -z "${FRESH:-}" ] || rm -rf "$out"
if [ -e "$trained" ]; then
    say "training: using the checkpoint in $out (FRESH=1 trains again)"
else
    say "training: $config, small and from scratch, 2 processes, into $out"
    tools/dist_train.sh "$config" 2 --work-dir "$out" --resume
    touch "$trained"
fi

# One best checkpoint is kept; the newest, should an older one have stayed behind.
best=$(ls -t "$out"/best_*.pth | head -n 1)
say "evaluation: $best through mim, on people that training never saw"
mim test dferclip_mm "$config" --checkpoint "$best" --work-dir "$out" \
    --cfg-options "test_evaluator.save_to=$out/test_results.json"

say "result"
python tools/report.py "$out"

say "film: two people who cross, leave and come back, analysed with $best"
[ -e data/demo_film.mp4 ] || python demo/make_film.py data/demo_film.mp4 --width 960 --height 540
python tools/measure_crop.py "$config" --out "$out/crop.json"
# A drawn clip lasts one and a half seconds.
python tools/analyze.py data/demo_film.mp4 --model "$config" "$best" --window 1.5 --out "$out"
python demo/compare_film.py "$out/demo_film/timeline.json" data/demo_film.json
echo "Its page is $out/demo_film/timeline.html, its picture timeline.png; its tables are beside them"
