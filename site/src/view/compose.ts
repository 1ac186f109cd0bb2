// A picture as a camera sees it.

import type { Picture } from "../trajectory.ts";
import type { Camera } from "./camera.ts";
import type { Palette } from "./colours.ts";
import type { Scene, Stick, Vec3 } from "./scene.ts";

export function compose({ balls, sticks }: Picture, camera: Camera, palette: Palette): Scene {
  const place = (p: Vec3) => camera.place(p);
  return {
    balls: balls.map((ball) => ({ ...ball, at: place(ball.at) })),
    sticks: sticks.flatMap((s) => strands({ ...s, from: place(s.from), to: place(s.to) })),
    distance: camera.distance,
    extent: camera.extent,
    fog: palette.fog,
    accent: palette.accent,
  };
}

/** Radius around the origin that holds everything, Å. */
export function reachOf({ balls }: Picture): number {
  return Math.max(0, ...balls.map(({ at, radius }) => Math.hypot(...at) + radius));
}

/** A bond as one to three sticks side by side, turned so that the reader sees them all. */
function strands({ from, to, radius, colour, order }: Stick & { order: number }): Stick[] {
  if (order < 2) return [{ from, to, radius, colour }];
  const [x, y] = [to[0] - from[0], to[1] - from[1]];
  const flatLength = Math.hypot(x, y);
  const side: Vec3 = flatLength > 1e-3 ? [-y / flatLength, x / flatLength, 0] : [1, 0, 0];
  const thin = radius * (order === 2 ? 0.68 : 0.55);
  const gap = order === 2 ? 0.11 : 0.17;
  const offsets = order === 2 ? [-gap, gap] : [-gap, 0, gap];
  return offsets.map((o) => ({ from: add(from, side, o), to: add(to, side, o), radius: thin, colour }));
}

function add(p: Vec3, q: Vec3, k: number): Vec3 {
  return [p[0] + k * q[0], p[1] + k * q[1], p[2] + k * q[2]];
}
