// Orthogonal 3x3 matrices as nine numbers, row by row. Atoms are rows, so H acts from the right:
// x·H.

export type Orthogonal = readonly number[];

/** Angles in degrees about the axes x, y and z, and whether x is mirrored first. */
export interface Angles {
  x: number;
  y: number;
  z: number;
  mirror: boolean;
}

export const identity: Orthogonal = [1, 0, 0, 0, 1, 0, 0, 0, 1];

/** A·B. */
export function product(a: Orthogonal, b: Orthogonal): Orthogonal {
  return identity.map((_, k) => {
    const [i, j] = [3 * Math.floor(k / 3), k % 3];
    return a[i]! * b[j]! + a[i + 1]! * b[3 + j]! + a[i + 2]! * b[6 + j]!;
  });
}

/** Aᵀ, which is the inverse. */
export function transpose(a: Orthogonal): Orthogonal {
  return identity.map((_, k) => a[3 * (k % 3) + Math.floor(k / 3)]!);
}

/** +1 for a rotation, -1 with a reflection. */
export function determinant([a, b, c, d, e, f, g, h, i]: Orthogonal): number {
  return a! * (e! * i! - f! * h!) - b! * (d! * i! - f! * g!) + c! * (d! * h! - e! * g!);
}

/** The angle of a rotation in [0, π]; of -C for a matrix with a reflection, which is one too. */
export function angle(c: ArrayLike<number>): number {
  const matrix = Array.from(c);
  const trace = (matrix[0]! + matrix[4]! + matrix[8]!) * Math.sign(determinant(matrix));
  return Math.acos(Math.min(1, Math.max(-1, (trace - 1) / 2)));
}

const radians = Math.PI / 180;

/** Turns points to the right about x (0), y (1) or z (2), by degrees: rows times this matrix. */
export function about(axis: 0 | 1 | 2, degrees: number): Orthogonal {
  // Multiples of a quarter turn come out exact: they are what one checks by eye.
  const exact = (v: number) => (Math.abs(v - Math.round(v)) < 1e-12 ? Math.round(v) : v);
  const [c, s] = [exact(Math.cos(degrees * radians)), exact(Math.sin(degrees * radians))];
  return [
    [1, 0, 0, 0, c, s, 0, -s, c],
    [c, 0, -s, 0, 1, 0, s, 0, c],
    [c, s, 0, -s, c, 0, 0, 0, 1],
  ][axis]!.map((v) => v + 0); // no negative zeros
}

/** H = M·X·Y·Z: mirrors, then turns about x, y and z. */
export function fromAngles({ x, y, z, mirror }: Angles): Orthogonal {
  const turned = product(product(about(0, x), about(1, y)), about(2, z));
  return mirror ? turned.map((v, k) => (k < 3 ? -v : v) + 0) : turned;
}

/** Angles of a matrix, with y in [-90, 90]; fromAngles gives it back. */
export function toAngles(h: Orthogonal): Angles {
  const mirror = determinant(h) < 0;
  const r = h.map((v, k) => (mirror && k < 3 ? -v : v));
  const y = Math.asin(Math.min(1, Math.max(-1, -r[2]!)));
  // Where y is upright, x and z turn about the same axis: all of it counts as x.
  const upright = Math.abs(r[2]!) > 1 - 1e-9;
  const x = upright ? Math.atan2(-r[7]!, r[4]!) : Math.atan2(r[5]!, r[8]!);
  const z = upright ? 0 : Math.atan2(r[1]!, r[0]!);
  return { x: x / radians, y: y / radians, z: z / radians, mirror };
}

/** x·H of rows (n, 3). */
export function turn(x: ArrayLike<number>, h: Orthogonal): Float64Array {
  const turned = new Float64Array(x.length);
  for (let i = 0; i < x.length; i += 3) {
    for (let j = 0; j < 3; j++)
      turned[i + j] = x[i]! * h[j]! + x[i + 1]! * h[3 + j]! + x[i + 2]! * h[6 + j]!;
  }
  return turned;
}
