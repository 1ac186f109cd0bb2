// The same picture with Canvas 2D, for browsers without WebGL2: things are painted from back to
// front.

import { css } from "./colours.ts";
import { project, type RGB, type Renderer, type Scene, type Vec3 } from "./scene.ts";

export const flat: Renderer = {
  kind: "canvas2d",
  draw(context, scene, width, height) {
    const outline = Math.max(1.1, Math.min(width, height) / 420);
    const at = (p: Vec3) => project(p, scene, width, height)!;
    for (const { paint } of painters(scene, context, at, outline).sort((a, b) => a.z - b.z))
      paint();
  },
};

type Projected = (p: Vec3) => { x: number; y: number; scale: number };

function painters(
  scene: Scene,
  c: CanvasRenderingContext2D,
  at: Projected,
  outline: number,
): { z: number; paint(): void }[] {
  const fogged = (colour: RGB, z: number, light = 1): string => {
    const far = Math.min(1, Math.max(0, -z / (3.2 * scene.extent)));
    return css(
      colour.map((v, k) => Math.min(1, v * light) * (1 - far) + scene.fog[k]! * far) as RGB,
    );
  };
  const inked = (colour: RGB, z: number) =>
    fogged(colour.map((v, k) => 0.7 * scene.ink[k]! + 0.3 * v * v) as RGB, z);
  const visible = (z: number) => z < scene.distance - 0.5; // not behind the camera
  const balls = scene.balls
    .filter((ball) => visible(ball.at[2]))
    .map(({ at: p, radius, colour, mark }) => ({
      z: p[2],
      paint() {
        const { x, y, scale } = at(p);
        const r = radius * scale;
        const disc = (wide: number, fill: string | CanvasGradient) => {
          c.fillStyle = fill;
          c.beginPath();
          c.arc(x, y, wide, 0, 2 * Math.PI);
          c.fill();
        };
        const shade = c.createRadialGradient(x - 0.35 * r, y - 0.4 * r, 0.05 * r, x, y, r);
        shade.addColorStop(0, fogged(colour, p[2], 1.3));
        shade.addColorStop(0.55, fogged(colour, p[2]));
        shade.addColorStop(1, fogged(colour, p[2], 0.62));
        disc(r + outline, inked(colour, p[2]));
        disc(r, shade);
        if (!mark) return;
        c.strokeStyle = css(scene.accent);
        c.lineWidth = 0.22 * r * mark;
        c.stroke();
      },
    }));
  const sticks = scene.sticks
    .filter(({ from, to }) => visible(Math.max(from[2], to[2])))
    .map(({ from, to, radius, colours, ends }) => ({
      z: (from[2] + to[2]) / 2,
      paint() {
        const far = from[2] < to[2] ? 0 : 1;
        const z = (from[2] + to[2]) / 2;
        // The near end goes under its ball, which is painted later; the far ball is painted first,
        // and the stick must not begin at its middle.
        const begin = far === 0 ? outside(from, to, ends[0]) : from;
        const end = far === 1 ? outside(to, from, ends[1]) : to;
        const [a, b] = [at(begin), at(end)];
        const middle = at([0, 1, 2].map((k) => (from[k]! + to[k]!) / 2) as Vec3);
        const line = (
          p: { x: number; y: number },
          q: { x: number; y: number },
          width: number,
          style: string,
        ) => {
          c.strokeStyle = style;
          c.lineWidth = width;
          c.beginPath();
          c.moveTo(p.x, p.y);
          c.lineTo(q.x, q.y);
          c.stroke();
        };
        const width = 2 * radius * middle.scale;
        line(a, b, width + 2 * outline, inked(colours[far]!, z));
        line(a, middle, width, fogged(colours[0], z, 0.9));
        line(middle, b, width, fogged(colours[1], z, 0.9));
      },
    }));
  return [...sticks, ...balls];
}

/** Where a stick leaves the ball at p. */
function outside(p: Vec3, towards: Vec3, radius: number): Vec3 {
  const share =
    (0.75 * radius) /
    Math.max(
      1.5 * radius,
      Math.hypot(towards[0] - p[0], towards[1] - p[1], towards[2] - p[2]),
      1e-6,
    );
  return p.map((x, k) => x + share * (towards[k]! - x)) as Vec3;
}
