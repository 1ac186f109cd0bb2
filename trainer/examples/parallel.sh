#!/bin/sh
# A job of many molecules on several machines by GNU parallel:
#
#	PARTS=8 sh parallel.sh --sshloginfile machines --return part-{}.xyz --cleanup
#
# or, without arguments, on this one. molecules.xyz is the file that one machine would have written, byte for byte. N, SEED,
# STEPS, MODEL and SYMDIFF (the program) may be set.
set -eu
parts=${PARTS:-8} n=${N:-10000}
seq "$parts" | parallel "$@" --halt now,fail=1 \
	"first=\$(($n * ({} - 1) / $parts)); ${SYMDIFF:-symdiff} sample --first \$first --count \$(($n * {} / $parts - first)) --seed ${SEED:-1} \
	${MODEL:+--model $MODEL} ${STEPS:+--steps $STEPS} --quiet --out part-{}.xyz"
seq "$parts" | while read -r i; do cat "part-$i.xyz"; done > molecules.xyz
