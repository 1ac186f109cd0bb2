// A toy "network" in the plane that prefers a direction, and what symmetrising makes of it.

export type Point = [number, number];
export type Map = (points: Point[]) => Point[];

export const triangle: Point[] = [
  [0.1, 0.62],
  [-0.62, -0.28],
  [0.5, -0.36],
];

/** The points rotated about the origin. */
export const turn = (points: Point[], angle: number): Point[] => {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  return points.map(([x, y]) => [c * x - s * y, s * x + c * y]);
};

/**
 * Everything to the right, the more so the higher it lies: no turn of the input leaves that alone.
 */
export const toy: Map = (points) => points.map(([x, y]) => [x + 0.34 + 0.3 * y, y + 0.16 * x * x]);

/** g·toy(g⁻¹·x), for a turn g by an angle. */
export const symmetrised =
  (g: number): Map =>
  (points) =>
    turn(toy(turn(points, -g)), g);

/**
 * How far f(h·x) is from h·f(x): 0 for what is equivariant, with fh the map that the rotated input
 * meets.
 */
export function failure(f: Map, fh: Map, angle: number): number {
  const [a, b] = [fh(turn(triangle, angle)), turn(f(triangle), angle)];
  return Math.max(...a.map(([x, y], i) => Math.hypot(x - b[i]![0], y - b[i]![1])));
}
