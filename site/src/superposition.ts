// The rigid motion that lays one set of points best over another.

import type { Vec3 } from "./view/scene.ts";

export interface Superposition {
  /** Root of the mean squared distance after the motion, Å. */
  rmsd: number;
  /** The first points, moved: (n, 3). */
  moved: Float64Array<ArrayBuffer>;
}

/**
 * Turns and moves points (n, 3) onto targets (n, 3) so that the mean squared distance is least, without mirroring: the rotation is the
 * quaternion that belongs to the largest eigenvalue of a symmetric 4x4 matrix (Horn, J. Opt. Soc. Am. A 4, 629, 1987).
 */
export function superpose(points: ArrayLike<number>, targets: ArrayLike<number>): Superposition {
  const n = points.length / 3;
  const [p0, q0] = [centre(points), centre(targets)];
  const p = Array.from({ length: n }, (_, i) => minus(points, i, p0));
  const q = Array.from({ length: n }, (_, i) => minus(targets, i, q0));
  const s = (a: number, b: number) => p.reduce((sum, v, i) => sum + v[a]! * q[i]![b]!, 0);
  const [xx, xy, xz, yx, yy, yz, zx, zy, zz] = [s(0, 0), s(0, 1), s(0, 2), s(1, 0), s(1, 1), s(1, 2), s(2, 0), s(2, 1), s(2, 2)];
  const [w, x, y, z] = largestEigenvector([
    [xx + yy + zz, yz - zy, zx - xz, xy - yx],
    [yz - zy, xx - yy - zz, xy + yx, zx + xz],
    [zx - xz, xy + yx, yy - xx - zz, yz + zy],
    [xy - yx, zx + xz, yz + zy, zz - xx - yy],
  ]) as [number, number, number, number];
  const rows: Vec3[] = [
    [w * w + x * x - y * y - z * z, 2 * (x * y - w * z), 2 * (x * z + w * y)],
    [2 * (x * y + w * z), w * w - x * x + y * y - z * z, 2 * (y * z - w * x)],
    [2 * (x * z - w * y), 2 * (y * z + w * x), w * w - x * x - y * y + z * z],
  ];
  const moved = Float64Array.from(p.flatMap((v) => rows.map((row, k) => row[0] * v[0] + row[1] * v[1] + row[2] * v[2] + q0[k]!)));
  const square = moved.reduce((sum, value, i) => sum + (value - targets[i]!) ** 2, 0);
  return { rmsd: Math.sqrt(square / n), moved };
}

/** Eigenvector of the largest eigenvalue, by Jacobi rotations. */
function largestEigenvector(matrix: number[][]): number[] {
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
          for (const row of m) [row[i], row[j]] = [c * row[i]! - s * row[j]!, s * row[i]! + c * row[j]!];
        }
        const [ri, rj] = [a[i]!, a[j]!];
        for (let k = 0; k < n; k++) [ri[k], rj[k]] = [c * ri[k]! - s * rj[k]!, s * ri[k]! + c * rj[k]!];
      }
    }
  }
  const values = a.map((row, i) => row[i]!);
  const best = values.indexOf(Math.max(...values));
  return v.map((row) => row[best]!);
}

function centre(points: ArrayLike<number>): Vec3 {
  const sum: Vec3 = [0, 0, 0];
  for (let i = 0; i < points.length; i++) sum[i % 3]! += (3 * points[i]!) / points.length;
  return sum;
}

function minus(points: ArrayLike<number>, i: number, [x, y, z]: Vec3): Vec3 {
  return [points[3 * i]! - x, points[3 * i + 1]! - y, points[3 * i + 2]! - z];
}
