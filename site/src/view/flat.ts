// The same picture with Canvas 2D, for browsers without WebGL2: things are painted from back to front.

import { pixelScale, type RGB, type Renderer, type Scene, type Vec3 } from "./scene.ts";

export function flat(canvas: HTMLCanvasElement): Renderer {
  const context = canvas.getContext("2d")!;
  return {
    kind: "canvas2d",
    draw(scene, width, height) {
      context.clearRect(0, 0, width, height);
      const scale = pixelScale(width, height);
      const project = ([x, y, z]: Vec3) => {
        const s = scale / (scene.distance - z);
        return [width / 2 + x * s, height / 2 - y * s, s] as const;
      };
      for (const { draw } of painters(scene, context, project).sort((a, b) => a.z - b.z)) draw();
    },
  };
}

type Project = (p: Vec3) => readonly [x: number, y: number, scale: number];

function painters(scene: Scene, c: CanvasRenderingContext2D, project: Project): { z: number; draw(): void }[] {
  const fogged = (colour: RGB, z: number, light = 1): string => {
    const far = Math.min(1, Math.max(0, -z / (3.2 * scene.extent)));
    return css(colour.map((v, k) => Math.min(1, v * light) * (1 - far) + scene.fog[k]! * far) as RGB);
  };
  const visible = (z: number) => z < scene.distance - 0.5; // not behind the camera
  const balls = scene.balls.filter(({ at }) => visible(at[2])).map(({ at, radius, colour, mark }) => ({
    z: at[2],
    draw() {
      const [x, y, s] = project(at);
      const r = radius * s;
      const shade = c.createRadialGradient(x - 0.35 * r, y - 0.4 * r, 0.05 * r, x, y, r);
      shade.addColorStop(0, fogged(colour, at[2], 1.3));
      shade.addColorStop(0.55, fogged(colour, at[2]));
      shade.addColorStop(1, fogged(colour, at[2], 0.62));
      c.fillStyle = shade;
      c.beginPath();
      c.arc(x, y, r, 0, 2 * Math.PI);
      c.fill();
      if (!mark) return;
      c.strokeStyle = css(scene.accent);
      c.lineWidth = 0.22 * r * mark;
      c.stroke();
    },
  }));
  const sticks = scene.sticks.filter(({ from, to }) => visible(Math.max(from[2], to[2]))).map(({ from, to, radius, colour }) => ({
    z: (from[2] + to[2]) / 2,
    draw() {
      const [near, far] = from[2] > to[2] ? [from, to] : [to, from];
      const [x, y, s] = project(near); // under its ball, which is painted later
      const [u, v] = project(outside(far, near));
      c.strokeStyle = fogged(colour, (from[2] + to[2]) / 2, 0.9);
      c.lineWidth = 2 * radius * s;
      c.beginPath();
      c.moveTo(x, y);
      c.lineTo(u, v);
      c.stroke();
    },
  }));
  return [...sticks, ...balls];
}

/** Where a stick leaves the ball at p: the far ball is painted first, and the stick must not begin at its middle. */
function outside(p: Vec3, towards: Vec3): Vec3 {
  const share = 0.32 / Math.max(0.64, Math.hypot(towards[0] - p[0], towards[1] - p[1], towards[2] - p[2]));
  return p.map((x, k) => x + share * (towards[k]! - x)) as Vec3;
}

function css([r, g, b]: RGB): string {
  return `rgb(${Math.round(255 * r)} ${Math.round(255 * g)} ${Math.round(255 * b)})`;
}
