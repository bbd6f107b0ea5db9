#!/usr/bin/env bash
# Evaluate with several processes: one per GPU, or on the CPU without GPUs:
#   tools/dist_test.sh CONFIG [CHECKPOINT] GPUS [options of test.py]
# Without CHECKPOINT the pretrained weights that the config names are evaluated.
# On several machines, run it on each with NNODES, NODE_RANK (from 0), MASTER_ADDR and PORT (29500).
set -euo pipefail
usage="usage: dist_test.sh CONFIG [CHECKPOINT] GPUS [options of test.py]"
model=("${1:?$usage}")
shift
if ! [[ ${1:?$usage} =~ ^[0-9]+$ ]]; then
    model+=("$1")
    shift
fi
gpus=${1:?$usage}
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if [ "${NNODES:-1}" -eq 1 ]; then
    rendezvous=(--standalone) # a free port, so two runs on one machine do not collide
else
    rendezvous=(--nnodes "$NNODES" --node_rank "${NODE_RANK:?is this machine the first (0) or the second (1)?}"
        --master_addr "${MASTER_ADDR:?address of the machine with NODE_RANK 0}" --master_port "${PORT:-29500}")
fi
PYTHONPATH="$tools/..${PYTHONPATH:+:$PYTHONPATH}" exec "${PYTHON:-python}" -m torch.distributed.run \
    "${rendezvous[@]}" --nproc_per_node "$gpus" \
    "$tools/test.py" "${model[@]}" --launcher pytorch "${@:2}"
