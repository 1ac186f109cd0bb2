// Samples of molecules as points in a plane.

import { deviation } from "./deviation.ts";

/**
 * Classical multidimensional scaling: points in a plane whose distances are those of the samples
 * (n, 3) as well as two dimensions can, in Å, root mean square per atom. With B = -½ J D² J of the
 * squared distances, the coordinates are sqrt(λ)·v of its two largest eigenvalues λ with
 * eigenvectors v (Torgerson 1952).
 */
export function plane(samples: readonly ArrayLike<number>[]): [x: number, y: number][] {
  const n = samples.length;
  const squares = samples.map((a) => samples.map((b) => deviation(a, b).rms ** 2));
  const rowMean = squares.map((row) => row.reduce((a, b) => a + b, 0) / n);
  const allMean = rowMean.reduce((a, b) => a + b, 0) / n;
  const b = squares.map((row, i) =>
    row.map((d, j) => -0.5 * (d - rowMean[i]! - rowMean[j]! + allMean)),
  );
  const axes = [0, 1].map(() => {
    const { value, vector } = largest(b);
    vector.forEach((v, i) => vector.forEach((w, j) => (b[i]![j]! -= value * v * w)));
    return vector.map((v) => v * Math.sqrt(Math.max(0, value)));
  });
  return samples.map((_, i) => [axes[0]![i]!, axes[1]![i]!]);
}

/**
 * The largest eigenvalue of a symmetric matrix without large negative ones, and its vector, by
 * powers.
 */
function largest(matrix: readonly number[][]): { value: number; vector: number[] } {
  let vector = matrix.map((_, i) => Math.cos(1 + 2 * i)); // of no symmetry
  let value = 0;
  for (let round = 0; round < 200; round++) {
    const next = matrix.map((row) => row.reduce((sum, v, j) => sum + v * vector[j]!, 0));
    value = Math.hypot(...next) / Math.hypot(...vector);
    const size = Math.hypot(...next);
    if (size < 1e-300) return { value: 0, vector: vector.map(() => 0) };
    vector = next.map((v) => v / size);
  }
  return { value, vector };
}
