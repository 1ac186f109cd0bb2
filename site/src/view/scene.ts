// What is drawn: balls and sticks, in the coordinates of the camera (x right, y up, z towards the
// reader, Å).

export type RGB = [number, number, number];
export type Vec3 = [number, number, number];

export interface Ball {
  at: Vec3;
  radius: number;
  /** Van der Waals radius, for space-filling pictures. */
  full: number;
  colour: RGB;
  /** A rim in the palette's accent colour, 0 for none to 1: chosen atoms. */
  mark?: number;
}

export interface Stick {
  from: Vec3;
  to: Vec3;
  radius: number;
  /** Of the half at `from` and of the half at `to`. */
  colours: [RGB, RGB];
  /** Radii of the balls at both ends, which shade it. */
  ends: [number, number];
}

export interface Scene {
  balls: Ball[];
  sticks: Stick[];
  /** Distance of the camera from the origin, Å. */
  distance: number;
  /** Radius of what is drawn around the origin, Å: depth of the fog. */
  extent: number;
  fog: RGB;
  accent: RGB;
  /** Of outlines. */
  ink: RGB;
}

/** Half the opening angle of the camera, along the shorter side. */
export const halfAngle = 0.26;

export interface Renderer {
  readonly kind: "webgl2" | "canvas2d";
  /** Paints a scene over what a canvas holds; width and height in its pixels. */
  draw(target: CanvasRenderingContext2D, scene: Scene, width: number, height: number): void;
}

/** Device pixels per Å at distance 1 from the camera. */
function pixelScale(width: number, height: number): number {
  return Math.min(width, height) / 2 / Math.tan(halfAngle);
}

/**
 * Where a point is seen, in pixels from the top left, and pixels per Å there; undefined behind the
 * camera.
 */
export function project(
  [x, y, z]: Vec3,
  { distance }: Scene,
  width: number,
  height: number,
): { x: number; y: number; scale: number } | undefined {
  const scale = pixelScale(width, height) / (distance - z);
  return scale > 0 ? { x: width / 2 + x * scale, y: height / 2 - y * scale, scale } : undefined;
}

/**
 * The ball under a point, in device pixels from the top left: the nearest to the reader of those
 * within reach; -1 for none.
 */
export function ballAt(
  scene: Scene,
  width: number,
  height: number,
  x: number,
  y: number,
  reach: number,
): number {
  let found = -1;
  let best = Infinity;
  scene.balls.forEach(({ at, radius }, i) => {
    const seen = project(at, scene, width, height);
    if (!seen) return;
    const miss = Math.hypot(seen.x - x, seen.y - y) - radius * seen.scale;
    // A ball that is hit beats one that is only near; among those hit, the one in front wins.
    const rank = miss <= 0 ? -1e6 - at[2] : miss;
    if (miss > reach || rank >= best) return;
    best = rank;
    found = i;
  });
  return found;
}
