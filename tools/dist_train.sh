#!/usr/bin/env bash
# Train with several processes, one for each GPU, or on the CPU where there is none:
#   tools/dist_train.sh CONFIG GPUS [options of train.py]
# On several machines, run it on each with NNODES, NODE_RANK (from 0), MASTER_ADDR and PORT (29500).
set -euo pipefail
usage="usage: dist_train.sh CONFIG GPUS [options of train.py]"
config=${1:?$usage} gpus=${2:?$usage}
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if [ "${NNODES:-1}" -eq 1 ]; then
    rendezvous=(--standalone) # a free port: two runs on one machine do not meet
else
    rendezvous=(--nnodes "$NNODES" --node_rank "${NODE_RANK:?is this machine the first (0) or the second (1)?}"
        --master_addr "${MASTER_ADDR:?address of the machine with NODE_RANK 0}" --master_port "${PORT:-29500}")
fi
PYTHONPATH="$tools/..${PYTHONPATH:+:$PYTHONPATH}" exec "${PYTHON:-python}" -m torch.distributed.run \
    "${rendezvous[@]}" --nproc_per_node "$gpus" \
    "$tools/train.py" "$config" --launcher pytorch "${@:3}"
