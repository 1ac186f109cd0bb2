// A picture as a camera sees it.

import type { Picture } from "../trajectory.ts";
import type { Camera } from "./camera.ts";
import type { Palette } from "./colours.ts";
import type { Ball, Scene, Stick, Vec3 } from "./scene.ts";

/** How a molecule is drawn. */
export const representations = ["ball-and-stick", "stick", "space-filling"] as const;
export type Representation = (typeof representations)[number];

/** Of a single bond in a picture of balls and sticks, and in one of sticks, Å. */
export const stickRadius = 0.12;
const thickStick = 0.15;

export function compose(
  picture: Picture,
  camera: Camera,
  palette: Palette,
  how: Representation = "ball-and-stick",
): Scene {
  const place = (p: Vec3) => camera.place(p);
  const { balls, sticks } = represented(picture, how);
  return {
    balls: balls.map((ball) => ({ ...ball, at: place(ball.at) })),
    sticks: sticks.flatMap((s) => strands({ ...s, from: place(s.from), to: place(s.to) })),
    distance: camera.distance,
    extent: camera.extent,
    fog: palette.fog,
    accent: palette.accent,
    ink: palette.ink,
  };
}

function represented(picture: Picture, how: Representation): Pick<Picture, "balls" | "sticks"> {
  if (how === "ball-and-stick") return picture;
  if (how === "space-filling")
    return {
      balls: picture.balls.map((ball): Ball => ({ ...ball, radius: ball.full })),
      sticks: [],
    };
  return {
    balls: picture.balls.map((ball) => ({ ...ball, radius: Math.min(ball.radius, thickStick) })),
    sticks: picture.sticks.map((s) => ({
      ...s,
      radius: (s.radius * thickStick) / stickRadius,
      ends: [0, 0],
    })),
  };
}

/** Radius around the origin that holds everything, Å. */
export function reachOf(picture: Picture, how: Representation = "ball-and-stick"): number {
  return Math.max(
    0,
    ...represented(picture, how).balls.map(({ at, radius }) => Math.hypot(...at) + radius),
  );
}

/** A bond as one to three sticks side by side, turned so that the reader sees them all. */
function strands({ order, ...stick }: Stick & { order: number }): Stick[] {
  if (order < 2) return [stick];
  const { from, to, radius } = stick;
  const [x, y] = [to[0] - from[0], to[1] - from[1]];
  const flatLength = Math.hypot(x, y);
  const side: Vec3 = flatLength > 1e-3 ? [-y / flatLength, x / flatLength, 0] : [1, 0, 0];
  const thin = radius * (order === 2 ? 0.68 : 0.55);
  const gap = order === 2 ? 0.11 : 0.17;
  const offsets = order === 2 ? [-gap, gap] : [-gap, 0, gap];
  return offsets.map((o) => ({
    ...stick,
    from: add(from, side, o),
    to: add(to, side, o),
    radius: thin,
  }));
}

function add(p: Vec3, q: Vec3, k: number): Vec3 {
  return [p[0] + k * q[0], p[1] + k * q[1], p[2] + k * q[2]];
}
