// The rigid motion that lays one set of points best over another.

import { eigenvectors } from "./eigen.ts";
import type { Vec3 } from "./view/scene.ts";

interface Superposition {
  /** Root of the mean squared distance after the motion, Å. */
  rmsd: number;
  /** The first points, moved: (n, 3). */
  moved: Float64Array<ArrayBuffer>;
}

/**
 * Turns and moves points (n, 3) onto targets (n, 3) so that the mean squared distance is least,
 * without mirroring: the rotation is the quaternion that belongs to the largest eigenvalue of a
 * symmetric 4x4 matrix (Horn, J. Opt. Soc. Am. A 4, 629, 1987).
 */
export function superpose(points: ArrayLike<number>, targets: ArrayLike<number>): Superposition {
  const n = points.length / 3;
  const [p0, q0] = [centre(points), centre(targets)];
  const p = Array.from({ length: n }, (_, i) => minus(points, i, p0));
  const q = Array.from({ length: n }, (_, i) => minus(targets, i, q0));
  const s = (a: number, b: number) => p.reduce((sum, v, i) => sum + v[a]! * q[i]![b]!, 0);
  const [xx, xy, xz, yx, yy, yz, zx, zy, zz] = [
    s(0, 0),
    s(0, 1),
    s(0, 2),
    s(1, 0),
    s(1, 1),
    s(1, 2),
    s(2, 0),
    s(2, 1),
    s(2, 2),
  ];
  const [w, x, y, z] = eigenvectors([
    [xx + yy + zz, yz - zy, zx - xz, xy - yx],
    [yz - zy, xx - yy - zz, xy + yx, zx + xz],
    [zx - xz, xy + yx, yy - xx - zz, yz + zy],
    [xy - yx, zx + xz, yz + zy, zz - xx - yy],
  ])[0] as [number, number, number, number];
  const rows: Vec3[] = [
    [w * w + x * x - y * y - z * z, 2 * (x * y - w * z), 2 * (x * z + w * y)],
    [2 * (x * y + w * z), w * w - x * x + y * y - z * z, 2 * (y * z - w * x)],
    [2 * (x * z - w * y), 2 * (y * z + w * x), w * w - x * x - y * y + z * z],
  ];
  const moved = Float64Array.from(
    p.flatMap((v) => rows.map((row, k) => row[0] * v[0] + row[1] * v[1] + row[2] * v[2] + q0[k]!)),
  );
  const square = moved.reduce((sum, value, i) => sum + (value - targets[i]!) ** 2, 0);
  return { rmsd: Math.sqrt(square / n), moved };
}

function centre(points: ArrayLike<number>): Vec3 {
  const sum: Vec3 = [0, 0, 0];
  for (let i = 0; i < points.length; i++) sum[i % 3]! += (3 * points[i]!) / points.length;
  return sum;
}

function minus(points: ArrayLike<number>, i: number, [x, y, z]: Vec3): Vec3 {
  return [points[3 * i]! - x, points[3 * i + 1]! - y, points[3 * i + 2]! - z];
}

/**
 * The directions along which points (n, 3) spread most, second most and least about their centre: a
 * right-handed frame.
 */
export function principalAxes(points: ArrayLike<number>): [Vec3, Vec3, Vec3] {
  const n = points.length / 3;
  const middle = centre(points);
  const p = Array.from({ length: n }, (_, i) => minus(points, i, middle));
  const spread = [0, 1, 2].map((a) =>
    [0, 1, 2].map((b) => p.reduce((sum, v) => sum + v[a]! * v[b]!, 0)),
  );
  const [x, y] = eigenvectors(spread) as [Vec3, Vec3, Vec3];
  return [x, y, [x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0]]];
}
