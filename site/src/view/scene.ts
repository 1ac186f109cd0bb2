// What is drawn: balls and sticks, in the coordinates of the camera (x right, y up, z towards the reader, Å).

export type RGB = [number, number, number];
export type Vec3 = [number, number, number];

export interface Ball {
  at: Vec3;
  radius: number;
  colour: RGB;
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
}

/** Half the opening angle of the camera, along the shorter side. */
export const halfAngle = 0.26;

export interface Renderer {
  readonly kind: "webgl2" | "canvas2d";
  /** Draws a scene; width and height in device pixels. */
  draw(scene: Scene, width: number, height: number): void;
}
