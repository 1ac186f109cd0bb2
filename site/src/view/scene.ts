// What is drawn: balls and sticks, in the coordinates of the camera (x right, y up, z towards the reader, Å).

export type RGB = [number, number, number];
export type Vec3 = [number, number, number];

export interface Ball {
  at: Vec3;
  radius: number;
  colour: RGB;
  /** A rim in the palette's accent colour, 0 for none to 1: chosen atoms. */
  mark?: number;
}

export interface Stick {
  from: Vec3;
  to: Vec3;
  radius: number;
  colour: RGB;
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
}

/** Half the opening angle of the camera, along the shorter side. */
export const halfAngle = 0.26;

export interface Renderer {
  readonly kind: "webgl2" | "canvas2d";
  /** Draws a scene; width and height in device pixels. */
  draw(scene: Scene, width: number, height: number): void;
}

/** Device pixels per Å at distance 1 from the camera. */
export function pixelScale(width: number, height: number): number {
  return Math.min(width, height) / 2 / Math.tan(halfAngle);
}

/** The ball under a point, in device pixels from the top left: the nearest to the reader of those within reach; -1 for none. */
export function ballAt({ balls, distance }: Scene, width: number, height: number, x: number, y: number, reach: number): number {
  const scale = pixelScale(width, height);
  let found = -1;
  let best = Infinity;
  balls.forEach(({ at, radius }, i) => {
    const s = scale / (distance - at[2]);
    if (!(s > 0)) return;
    const miss = Math.hypot(width / 2 + at[0] * s - x, height / 2 - at[1] * s - y) - radius * s;
    // A ball that is hit beats one that is only near; among those hit, the one in front wins.
    const rank = miss <= 0 ? -1e6 - at[2] : miss;
    if (miss > reach || rank >= best) return;
    best = rank;
    found = i;
  });
  return found;
}
