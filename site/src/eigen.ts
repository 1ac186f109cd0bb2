// Eigenvectors of small symmetric matrices.

/** Unit eigenvectors, that of the largest eigenvalue first, by Jacobi rotations. */
export function eigenvectors(matrix: number[][]): number[][] {
  const a = matrix.map((row) => [...row]);
  const v = a.map((_, i) => a.map((_, j) => Number(i === j)));
  const n = a.length;
  for (let sweep = 0; sweep < 30; sweep++) {
    for (let i = 0; i < n; i++) {
      for (let j = i + 1; j < n; j++) {
        if (Math.abs(a[i]![j]!) < 1e-14) continue;
        const angle = 0.5 * Math.atan2(2 * a[i]![j]!, a[j]![j]! - a[i]![i]!);
        const [c, s] = [Math.cos(angle), Math.sin(angle)];
        for (const m of [a, v]) {
          for (const row of m)
            [row[i], row[j]] = [c * row[i]! - s * row[j]!, s * row[i]! + c * row[j]!];
        }
        const [ri, rj] = [a[i]!, a[j]!];
        for (let k = 0; k < n; k++)
          [ri[k], rj[k]] = [c * ri[k]! - s * rj[k]!, s * ri[k]! + c * rj[k]!];
      }
    }
  }
  const values = a.map((row, i) => row[i]!);
  const order = values.map((_, i) => i).sort((i, j) => values[j]! - values[i]!);
  return order.map((k) => v.map((row) => row[k]!));
}
