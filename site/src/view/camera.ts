// Where one looks from. Several viewers may share a camera: then they turn, zoom and fit together.

import { principalAxes } from "../superposition.ts";
import { calm } from "./media.ts";
import { halfAngle, type Vec3 } from "./scene.ts";

type Matrix = [Vec3, Vec3, Vec3];

/**
 * Bounds of the radius that the camera shows, Å: a lone atom stays small, and one that has flown
 * off is left outside.
 */
const [nearest, farthest] = [2.6, 40];

/** What a camera shows. */
export interface Subject {
  /** Radius around the origin that holds everything, Å. */
  readonly reach: number;
  refresh(): void;
  /** The distance has moved a little: worth a new picture where there is time for one. */
  eased?(): void;
}

export class Camera {
  readonly #subjects = new Set<Subject>();
  #rotation: Matrix = turned(
    turned(
      [
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
      ],
      0.5,
      1,
    ),
    -0.35,
    0,
  );
  /** Where it turns by itself. */
  #goal: Matrix | undefined;
  #zoom = 1;
  #extent = 0; // follows what is shown
  #time = 0;

  join(subject: Subject): void {
    this.#subjects.add(subject);
  }

  leave(subject: Subject): void {
    this.#subjects.delete(subject);
  }

  /** Radius that is shown, Å: depth of the fog. */
  get extent(): number {
    return this.#extent;
  }

  /** From the origin, Å. */
  get distance(): number {
    return this.#extent / Math.sin(halfAngle) / this.#zoom;
  }

  /** A point of the molecule in the camera's coordinates. */
  place(p: Vec3): Vec3 {
    return apply(this.#rotation, p);
  }

  /**
   * Turns to the broad side of points (n, 3), a little aslant so that depth can be seen; at once,
   * or by itself, the shorter way of those that show it.
   */
  face(points: ArrayLike<number>, slowly = false): void {
    if (points.length < 6) return;
    const [x, y, z] = principalAxes(points);
    const flip = (v: Vec3, s: number) => v.map((c) => s * c) as Vec3;
    const ways = [
      [1, 1],
      [1, -1],
      [-1, 1],
      [-1, -1],
    ].map(([s, t]): Matrix => aslant([flip(x, s!), flip(y, t!), flip(z, s! * t!)]));
    const nearness = (m: Matrix) =>
      m.reduce(
        (sum, row, k) =>
          sum +
          row[0] * this.#rotation[k]![0] +
          row[1] * this.#rotation[k]![1] +
          row[2] * this.#rotation[k]![2],
        0,
      );
    const goal = slowly ? ways.reduce((a, b) => (nearness(b) > nearness(a) ? b : a)) : ways[0]!;
    if (slowly && !calm()) this.#goal = goal;
    else this.#rotation = goal;
    this.#refresh();
  }

  turn(dx: number, dy: number): void {
    this.#goal = undefined;
    this.#rotation = turned(turned(this.#rotation, dx, 1), dy, 0);
    this.#refresh();
  }

  scale(factor: number): void {
    this.#zoom = Math.min(2.6, Math.max(0.4, this.#zoom * factor));
    this.#refresh();
  }

  resetZoom(): void {
    this.scale(1 / this.#zoom);
  }

  /**
   * Moves the distance towards what the pictures need, once per frame, or at once; true when it is
   * there.
   */
  follow(now: number, atOnce = false): boolean {
    const wanted =
      1.15 *
      Math.min(farthest, Math.max(nearest, ...[...this.#subjects].map(({ reach }) => reach)));
    const elapsed = Math.min(100, Math.max(0, now - this.#time));
    this.#time = now;
    const rate = atOnce || calm() || this.#extent === 0 ? 1 : 1 - Math.exp(-elapsed / 350);
    const before = this.#extent;
    this.#extent += (wanted - this.#extent) * rate;
    if (this.#subjects.size > 1 && Math.abs(this.#extent - before) > 1e-3)
      for (const subject of this.#subjects) subject.eased?.();
    return this.#turnOn(rate) && Math.abs(wanted - this.#extent) < 0.005;
  }

  /** Goes on turning by itself; true when there is nothing to turn. */
  #turnOn(rate: number): boolean {
    const goal = this.#goal;
    if (!goal) return true;
    this.#rotation = orthonormal(
      this.#rotation.map((row, k) => add(row, add(goal[k]!, row, -1), rate)) as Matrix,
    );
    const off = Math.max(
      ...this.#rotation.flatMap((row, k) => row.map((v, c) => Math.abs(v - goal[k]![c]!))),
    );
    if (off < 0.002) {
      this.#rotation = goal;
      this.#goal = undefined;
    }
    if (this.#subjects.size > 1) for (const subject of this.#subjects) subject.eased?.();
    return !this.#goal;
  }

  #refresh(): void {
    for (const subject of this.#subjects) subject.refresh();
  }
}

function add(p: Vec3, q: Vec3, k: number): Vec3 {
  return [p[0] + k * q[0], p[1] + k * q[1], p[2] + k * q[2]];
}

function apply(m: Matrix, p: Vec3): Vec3 {
  return m.map((row) => row[0] * p[0] + row[1] * p[1] + row[2] * p[2]) as Vec3;
}

function aslant(m: Matrix): Matrix {
  return turned(turned(m, 0.32, 1), 0.22, 0);
}

/** m followed by a rotation about the camera's x axis (0) or y axis (1), made orthonormal again. */
function turned(m: Matrix, angle: number, axis: 0 | 1): Matrix {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  const r: Matrix =
    axis === 0
      ? [
          [1, 0, 0],
          [0, c, -s],
          [0, s, c],
        ]
      : [
          [c, 0, s],
          [0, 1, 0],
          [-s, 0, c],
        ];
  const columns = [0, 1, 2].map((k) => apply(r, [m[0][k]!, m[1][k]!, m[2][k]!]));
  const rows = [0, 1, 2].map((k) => columns.map((column) => column[k]!) as Vec3) as Matrix;
  return orthonormal(rows);
}

/** Gram-Schmidt on rows: thousands of small turns must not shear the molecule. */
function orthonormal([a, b]: Matrix): Matrix {
  const unit = (v: Vec3) => add([0, 0, 0], v, 1 / Math.hypot(...v));
  const x = unit(a);
  const y = unit(add(b, x, -(b[0] * x[0] + b[1] * x[1] + b[2] * x[2])));
  return [x, y, [x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0]]];
}
