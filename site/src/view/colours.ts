// How kinds of atoms look.

import { elementOf } from "./elements.ts";
import type { RGB } from "./scene.ts";

export interface Look {
  colour: RGB;
  /** Å, of the ball in a ball-and-stick picture. */
  radius: number;
  /** Å, van der Waals. */
  full: number;
}

export interface Palette {
  look(element: string): Look;
  fog: RGB;
  /** Of the rim around chosen atoms, and of measures. */
  accent: RGB;
  /** Of rings around atoms that are wrong. */
  wrong: RGB;
  /** Of outlines. */
  ink: RGB;
  /** Of labels, and of what they are written on. */
  text: RGB;
  paper: RGB;
}

const rgb = (hex: number): RGB => [(hex >> 16) / 255, ((hex >> 8) & 255) / 255, (hex & 255) / 255];

/** Share of the van der Waals radius that a ball has. */
const share = 0.255;

interface Tones {
  /**
   * Elements that are seen all the time have their own tones; the others those of Jmol, less loud.
   */
  own: Record<string, number>;
  fog: number;
  accent: number;
  wrong: number;
  ink: number;
  text: number;
  paper: number;
}

function palette({ own, ...tones }: Tones): Palette {
  const looks = new Map<string, Look>();
  const made = (symbol: string): Look => {
    const { colour, radius } = elementOf(symbol);
    return {
      colour: symbol in own ? rgb(own[symbol]!) : calmed(rgb(colour)),
      radius: share * radius,
      full: radius,
    };
  };
  return {
    look(symbol) {
      const look = looks.get(symbol) ?? made(symbol);
      looks.set(symbol, look);
      return look;
    },
    ...(Object.fromEntries(Object.entries(tones).map(([name, hex]) => [name, rgb(hex)])) as Record<
      keyof typeof tones,
      RGB
    >),
  };
}

/** A colour of full saturation, as it looks beside the others. */
function calmed(colour: RGB): RGB {
  const grey = 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2];
  return colour.map((v) => 0.93 * (0.8 * v + 0.2 * grey)) as RGB;
}

export const light = palette({
  own: { H: 0xf4f2ec, C: 0x666c74, N: 0x4a72d9, O: 0xd9513f, F: 0x8cc95a },
  fog: 0xf4f3ef,
  accent: 0xe08a00,
  wrong: 0xd0261b,
  ink: 0x12171a,
  text: 0x12171a,
  paper: 0xffffff,
});

export const dark = palette({
  own: { H: 0xe6e5e0, C: 0x79828c, N: 0x5d86ec, O: 0xe2604f, F: 0x93d060 },
  fog: 0x1e2126,
  accent: 0xffb648,
  wrong: 0xff6a5a,
  ink: 0x05070a,
  text: 0xe9edee,
  paper: 0x171b1e,
});

/** The mean look of an atom that is still a mixture of kinds. */
export function blend(
  palette: Palette,
  elements: readonly string[],
  weights: ArrayLike<number>,
  at: number,
): Look {
  const mixed: Look = { colour: [0, 0, 0], radius: 0, full: 0 };
  elements.forEach((element, e) => {
    const look = palette.look(element);
    const w = weights[at + e]!;
    for (let k = 0; k < 3; k++) mixed.colour[k]! += w * look.colour[k]!;
    mixed.radius += w * look.radius;
    mixed.full += w * look.full;
  });
  return mixed;
}

export function css([r, g, b]: RGB, alpha = 1): string {
  return `rgb(${Math.round(255 * r)} ${Math.round(255 * g)} ${Math.round(255 * b)} / ${alpha})`;
}
