#!/bin/sh
# A job of many molecules as a Slurm array: sbatch slurm.sh. When all tasks are done,
#
#	cat part-*.xyz > molecules.xyz
#
# is the file that one machine would have written, byte for byte. N, SEED, STEPS, MODEL and SYMDIFF (the program) may be set.
#SBATCH --array=0-7
#SBATCH --cpus-per-task=4
#SBATCH --time=04:00:00
set -eu
n=${N:-10000}
first=$((n * SLURM_ARRAY_TASK_ID / SLURM_ARRAY_TASK_COUNT))
next=$((n * (SLURM_ARRAY_TASK_ID + 1) / SLURM_ARRAY_TASK_COUNT))
exec "${SYMDIFF:-symdiff}" sample --first "$first" --count "$((next - first))" --seed "${SEED:-1}" \
	${MODEL:+--model "$MODEL"} ${STEPS:+--steps "$STEPS"} --quiet --threads "${SLURM_CPUS_PER_TASK:-0}" \
	--out "$(printf 'part-%05d.xyz' "$SLURM_ARRAY_TASK_ID")"
