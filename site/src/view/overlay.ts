// What is written over a picture: names, measures, and rings around atoms that are wrong.

import { css, type Palette } from "./colours.ts";
import { valueOf } from "./measure.ts";
import { project, type Scene, type Vec3 } from "./scene.ts";

export interface Notes {
  /** Balls with a ring around them. */
  wrong: number[];
  /** Balls between which is measured, and their positions in the molecule, Å. */
  chosen: number[];
  points: Vec3[];
  /** The ball that is pointed at, and what it is called. */
  hovered: number;
  name: string;
  /** A sentence at the bottom. */
  hint: string;
}

/** Writes over a scene; `unit` is the size of a CSS pixel in those of the canvas. */
export function annotate(
  c: CanvasRenderingContext2D,
  scene: Scene,
  notes: Notes,
  palette: Palette,
  width: number,
  height: number,
  unit: number,
): void {
  const spot = (i: number) => {
    const ball = scene.balls[i];
    const seen = ball && project(ball.at, scene, width, height);
    return seen && { ...seen, r: ball.radius * seen.scale };
  };
  const ring = (i: number, gap: number, wide: number, colour: string) => {
    const at = spot(i);
    if (!at) return;
    c.strokeStyle = colour;
    c.lineWidth = wide * unit;
    c.beginPath();
    c.arc(at.x, at.y, at.r + gap * unit, 0, 2 * Math.PI);
    c.stroke();
  };
  const label = (text: string, x: number, y: number, colour = css(palette.text)) => {
    c.font = `${13 * unit}px system-ui, sans-serif`;
    c.textAlign = "center";
    c.textBaseline = "middle";
    const wide = c.measureText(text).width + 12 * unit;
    const [left, right] = [wide / 2 + 4 * unit, width - wide / 2 - 4 * unit];
    const at = {
      x: Math.max(left, Math.min(right, x)),
      y: Math.max(14 * unit, Math.min(height - 14 * unit, y)),
    };
    c.fillStyle = css(palette.paper, 0.88);
    c.beginPath();
    c.roundRect(at.x - wide / 2, at.y - 11 * unit, wide, 22 * unit, 6 * unit);
    c.fill();
    c.fillStyle = colour;
    c.fillText(text, at.x, at.y + unit);
  };
  c.save();
  for (const i of notes.wrong) {
    ring(i, 5, 5, css(palette.paper, 0.7));
    ring(i, 5, 2.25, css(palette.wrong));
  }
  const path = notes.chosen.flatMap((i) => spot(i) ?? []);
  if (path.length === notes.chosen.length && path.length) {
    for (const [wide, colour] of [
      [4, css(palette.paper, 0.7)],
      [1.75, css(palette.accent)],
    ] as const) {
      c.setLineDash([6 * unit, 4 * unit]);
      c.strokeStyle = colour;
      c.lineWidth = wide * unit;
      c.beginPath();
      path.forEach(({ x, y }) => c.lineTo(x, y));
      c.stroke();
      c.setLineDash([]);
      for (const i of notes.chosen) ring(i, 2, wide, colour);
    }
    const value = valueOf(notes.points);
    if (value) {
      // At the middle of a distance, beside the vertex of an angle, and over the axis of a torsion.
      const about =
        path.length === 4
          ? path.slice(1, 3)
          : path.length === 3
            ? [path[1]!, path[1]!, path[0]!, path[2]!]
            : path;
      const mean = (k: "x" | "y") => about.reduce((sum, p) => sum + p[k], 0) / about.length;
      label(value, mean("x"), mean("y"));
    }
  }
  const pointed = spot(notes.hovered);
  if (pointed && notes.name) label(notes.name, pointed.x, pointed.y - pointed.r - 15 * unit);
  if (notes.hint) label(notes.hint, width / 2, height - 24 * unit);
  c.restore();
}
