#!/bin/sh
# Trains from a bundle (make gpu-bundle) on a machine that has PyTorch or libtorch, a C++ compiler and no Go, for LIMIT seconds.
#
#   LIMIT=500 STATE=state OUT=out ./run.sh [flags of symdiff train]
#
# STATE holds what an earlier call left in its OUT: the checkpoint, in parts small enough to be carried. Where there is none a run
# begins. --max-time and the decay of the rate count over all calls. --set tf32=true multiplies in TensorFloat-32.
set -eu
cd "$(dirname "$0")"
LIMIT=${LIMIT:-500} STATE=${STATE:-state} OUT=${OUT:-out}
mkdir -p run "$OUT"

# libtch.so, for PyTorch's libtorch where its headers are there, else for the system's
torch=$(python3 -c 'import torch; print(torch.__path__[0])' 2>/dev/null || true)
if [ -f "$torch/include/ATen/ATen.h" ]; then
	bin/gotchfit -lib -source gotch -out . -torch-include "$torch/include" -torch-lib "$torch/lib"
	export LD_LIBRARY_PATH="$PWD/lib:$torch/lib"
else
	bin/gotchfit -lib -source gotch -out .
	export LD_LIBRARY_PATH="$PWD/lib"
fi
if [ -z "${DEVICE:-}" ]; then
	DEVICE=cpu
	if python3 -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then DEVICE=cuda; fi
fi

if ls "$STATE"/checkpoint.part.* >/dev/null 2>&1; then
	cat "$STATE"/checkpoint.part.* > run/checkpoint.safetensors
	cp "$STATE"/log.jsonl run/ 2>/dev/null || true
	set -- --resume run --device "$DEVICE" "$@"
else
	set -- --data "data.safetensors@split=train" --val "data.safetensors@split=val" --out run --device "$DEVICE" "$@"
fi
code=0
timeout -s INT "$LIMIT" bin/symdiff train "$@" || code=$?
case $code in 0 | 124 | 130) ;; *) exit "$code" ;; esac # 124: the time is up, the checkpoint is written
split -b 15m -a 2 run/checkpoint.safetensors "$OUT/checkpoint.part."
cp run/log.jsonl "$OUT/"
bin/symdiff export run --dtype f16 --out "$OUT/model.safetensors"
