#!/usr/bin/env bash
# Train with several processes: one per GPU, or on the CPU without GPUs:
#   tools/dist_train.sh CONFIG GPUS [options of train.py]
# On several machines, run it on each with NNODES, NODE_RANK (from 0), MASTER_ADDR and PORT (29500).
# MAX_RESTARTS=2 tools/dist_train.sh CONFIG GPUS --resume restarts all processes from the last
# checkpoint when one of them dies, at most twice. With --resume CHECKPOINT the run starts from that
# file and restarts from the checkpoints that it has written since.
set -euo pipefail
usage="usage: dist_train.sh CONFIG GPUS [options of train.py]"
config=${1:?$usage} gpus=${2:?$usage}
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
restarts=${MAX_RESTARTS:-0}
if [ "$restarts" -gt 0 ]; then
    case " ${*:3} " in
        *" --resume"*) ;;
        *) echo "MAX_RESTARTS needs --resume: without it, each restart would train from the beginning" >&2; exit 2 ;;
    esac
    # With a shared store, restarted processes cannot connect, or hang (PyTorch 2.14, gloo).
    export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1
fi

# A scheduler's signal is forwarded to the processes, which save. By default torchrun does not forward
# SIGUSR1 and dies from it. It kills processes that have not ended after
# TORCH_ELASTIC_SHUTDOWN_TIMEOUT seconds (30).
export PET_SIGNALS_TO_HANDLE=${PET_SIGNALS_TO_HANDLE:-SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1}

if [ "${NNODES:-1}" -eq 1 ]; then
    rendezvous=(--standalone) # a free port, so two runs on one machine do not collide
else
    rendezvous=(--nnodes "$NNODES" --node_rank "${NODE_RANK:?is this machine the first (0) or the second (1)?}"
        --master_addr "${MASTER_ADDR:?address of the machine with NODE_RANK 0}" --master_port "${PORT:-29500}")
fi
PYTHONPATH="$tools/..${PYTHONPATH:+:$PYTHONPATH}" exec "${PYTHON:-python}" -m torch.distributed.run \
    "${rendezvous[@]}" --nproc_per_node "$gpus" --max-restarts "$restarts" \
    "$tools/train.py" "$config" --launcher pytorch "${@:3}"
