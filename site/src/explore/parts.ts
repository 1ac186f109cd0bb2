// Parts of a molecule that are offered to be kept. `make evaluate-keep` measures the same ones.

/** Which atoms are not hydrogens. */
export function heavy(elements: readonly string[]): number[] {
  return elements.flatMap((element, i) => (element === "H" ? [] : [i]));
}

/**
 * The half of the atoms that is nearest to the outermost one, of positions (n, 3) around their
 * centre: a connected end, mostly. A hydrogen goes with the heavy atom that it is nearest to.
 */
export function half(elements: readonly string[], positions: ArrayLike<number>): number[] {
  const n = elements.length;
  const at = (i: number) =>
    [positions[3 * i]!, positions[3 * i + 1]!, positions[3 * i + 2]!] as const;
  const distance = (i: number, [x, y, z]: readonly [number, number, number]) =>
    Math.hypot(at(i)[0] - x, at(i)[1] - y, at(i)[2] - z);
  const atoms = Array.from({ length: n }, (_, i) => i);
  const outermost = atoms.reduce(
    (a, b) => (distance(b, [0, 0, 0]) > distance(a, [0, 0, 0]) ? b : a),
    0,
  );
  const near = [...atoms]
    .sort((a, b) => distance(a, at(outermost)) - distance(b, at(outermost)))
    .slice(0, Math.ceil(n / 2));
  const others = heavy(elements);
  const carrier = (i: number) =>
    others.reduce((a, b) => (distance(b, at(i)) < distance(a, at(i)) ? b : a), others[0] ?? i);
  return atoms.filter((i) => near.includes(elements[i] === "H" ? carrier(i) : i));
}

/** Some atoms of an XYZ file, as one: its own lines, so that not a digit changes. */
export function partOf(xyz: string, atoms: readonly number[]): string {
  const lines = xyz.split("\n");
  return `${atoms.length}\npart\n${atoms.map((i) => `${lines[i + 2]}\n`).join("")}`;
}

/** Elements and positions (n, 3) of an XYZ file. */
export function readPart(xyz: string): { elements: string[]; positions: number[] } {
  const rows = xyz
    .trimEnd()
    .split("\n")
    .slice(2)
    .map((line) => line.trim().split(/\s+/));
  return {
    elements: rows.map((row) => row[0]!),
    positions: rows.flatMap((row) => row.slice(1, 4).map(Number)),
  };
}

/** Atoms as text: 0-3,7. */
export function writeAtoms(atoms: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const i of atoms) {
    const last = runs.at(-1);
    if (last && last[1] === i - 1) last[1] = i;
    else runs.push([i, i]);
  }
  return runs.map(([a, b]) => (a === b ? String(a) : `${a}-${b}`)).join(",");
}

/** Reads 0-3,7; what is no list of ascending atoms gives none. */
export function readAtoms(text: string): number[] {
  const atoms: number[] = [];
  for (const part of text ? text.split(",") : []) {
    const match = /^(\d{1,3})(?:-(\d{1,3}))?$/.exec(part);
    if (!match) return [];
    const [from, to] = [Number(match[1]), Number(match[2] ?? match[1])];
    if (from <= (atoms.at(-1) ?? -1) || to < from) return [];
    for (let i = from; i <= to; i++) atoms.push(i);
  }
  return atoms;
}
