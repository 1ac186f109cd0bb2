// How kinds of atoms look.

import type { RGB } from "./scene.ts";

export interface Look {
  colour: RGB;
  /** Å, of the ball in a ball-and-stick picture. */
  radius: number;
}

export interface Palette {
  looks: Record<string, Look>;
  other: Look;
  stick: RGB;
  fog: RGB;
  /** Of the rim around chosen atoms. */
  accent: RGB;
}

const rgb = (hex: number): RGB => [(hex >> 16) / 255, ((hex >> 8) & 255) / 255, (hex & 255) / 255];

const palette = (c: { H: number; C: number; N: number; O: number; F: number; other: number; stick: number; fog: number; accent: number }): Palette => ({
  looks: {
    H: { colour: rgb(c.H), radius: 0.3 },
    C: { colour: rgb(c.C), radius: 0.44 },
    N: { colour: rgb(c.N), radius: 0.43 },
    O: { colour: rgb(c.O), radius: 0.42 },
    F: { colour: rgb(c.F), radius: 0.4 },
  },
  other: { colour: rgb(c.other), radius: 0.46 },
  stick: rgb(c.stick),
  fog: rgb(c.fog),
  accent: rgb(c.accent),
});

export const light = palette({
  H: 0xf4f2ec, C: 0x5a6067, N: 0x4a72d9, O: 0xd9513f, F: 0x57b36a, other: 0xb98cc9, stick: 0xb9b7b0, fog: 0xf4f3ef, accent: 0xe08a00,
});

export const dark = palette({
  H: 0xe6e5e0, C: 0x79828c, N: 0x5d86ec, O: 0xe2604f, F: 0x62bf76, other: 0xc39ad2, stick: 0x8d9298, fog: 0x1e2126, accent: 0xffb648,
});

/** The mean look of an atom that is still a mixture of kinds. */
export function blend(palette: Palette, elements: readonly string[], weights: ArrayLike<number>, at: number): Look {
  const colour: RGB = [0, 0, 0];
  let radius = 0;
  elements.forEach((element, e) => {
    const look = palette.looks[element] ?? palette.other;
    const w = weights[at + e]!;
    for (let k = 0; k < 3; k++) colour[k]! += w * look.colour[k]!;
    radius += w * look.radius;
  });
  return { colour, radius };
}
