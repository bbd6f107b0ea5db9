#!/usr/bin/env bash
# Train with several processes, one for each GPU, or on the CPU where there is none:
#   tools/dist_train.sh CONFIG GPUS [options of train.py]
# On several machines, run it on each with NNODES, NODE_RANK (from 0), MASTER_ADDR and PORT (29500).
# MAX_RESTARTS=2 tools/dist_train.sh CONFIG GPUS --resume starts all processes again, from the last
# checkpoint, when one of them has died; at most twice. With --resume CHECKPOINT it starts there, and
# again from what it has written since.
set -euo pipefail
usage="usage: dist_train.sh CONFIG GPUS [options of train.py]"
config=${1:?$usage} gpus=${2:?$usage}
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
restarts=${MAX_RESTARTS:-0}
if [ "$restarts" -gt 0 ]; then
    case " ${*:3} " in
        *" --resume"*) ;;
        *) echo "MAX_RESTARTS needs --resume: training would begin again from its start" >&2; exit 2 ;;
    esac
    # With the store shared, processes that start again cannot connect, or hang (PyTorch 2.14, gloo).
    export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1
fi

# What a scheduler sends comes to the processes, which save; torchrun leaves SIGUSR1 out and dies of
# it. It kills what has not ended after TORCH_ELASTIC_SHUTDOWN_TIMEOUT seconds (30).
export PET_SIGNALS_TO_HANDLE=${PET_SIGNALS_TO_HANDLE:-SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1}

if [ "${NNODES:-1}" -eq 1 ]; then
    rendezvous=(--standalone) # a free port: two runs on one machine do not meet
else
    rendezvous=(--nnodes "$NNODES" --node_rank "${NODE_RANK:?is this machine the first (0) or the second (1)?}"
        --master_addr "${MASTER_ADDR:?address of the machine with NODE_RANK 0}" --master_port "${PORT:-29500}")
fi
PYTHONPATH="$tools/..${PYTHONPATH:+:$PYTHONPATH}" exec "${PYTHON:-python}" -m torch.distributed.run \
    "${rendezvous[@]}" --nproc_per_node "$gpus" --max-restarts "$restarts" \
    "$tools/train.py" "$config" --launcher pytorch "${@:3}"
