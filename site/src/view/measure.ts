// Distance, angle and torsion of two to four atoms.

import type { Vec3 } from "./scene.ts";

/** Å, between two points. */
export function distance(a: Vec3, b: Vec3): number {
  return length(minus(b, a));
}

/** Degrees, 0 to 180, at b. */
export function angle(a: Vec3, b: Vec3, c: Vec3): number {
  const [u, v] = [minus(a, b), minus(c, b)];
  return degrees(Math.atan2(length(cross(u, v)), dot(u, v)));
}

/**
 * Degrees, -180 to 180, about the axis from b to c: positive where d lies clockwise of a for one
 * who looks from b to c (IUPAC).
 */
export function torsion(a: Vec3, b: Vec3, c: Vec3, d: Vec3): number {
  const [u, v, w] = [minus(b, a), minus(c, b), minus(d, c)];
  const [n, m] = [cross(u, v), cross(v, w)];
  return degrees(Math.atan2(length(v) * dot(u, m), dot(n, m)));
}

/** What the atoms measure, such as "C1–C2 1.54 Å"; of one atom its name. */
export function measured(points: Vec3[], names: string[]): string {
  const value = valueOf(points);
  return value ? `${names.join("–")} ${value}` : (names[0] ?? "");
}

export function valueOf(points: Vec3[]): string {
  const [a, b, c, d] = points;
  if (d) return `${torsion(a!, b!, c!, d).toFixed(1)}°`.replace("-", "−");
  if (c) return `${angle(a!, b!, c).toFixed(1)}°`;
  return b ? `${distance(a!, b).toFixed(3)} Å` : "";
}

const minus = (p: Vec3, q: Vec3): Vec3 => [p[0] - q[0], p[1] - q[1], p[2] - q[2]];
const dot = (p: Vec3, q: Vec3) => p[0] * q[0] + p[1] * q[1] + p[2] * q[2];
const cross = (p: Vec3, q: Vec3): Vec3 => [
  p[1] * q[2] - p[2] * q[1],
  p[2] * q[0] - p[0] * q[2],
  p[0] * q[1] - p[1] * q[0],
];
const length = (p: Vec3) => Math.hypot(...p);
const degrees = (x: number) => (x * 180) / Math.PI;
