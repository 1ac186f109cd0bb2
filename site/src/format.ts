// Numbers and chemistry as text.

/** 9.8 MB; decimal units, as browsers and phones show them. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** 5.2 million, 840 thousand. */
export function roughCount(n: number): string {
  return n >= 1e6 ? `${(n / 1e6).toFixed(1)} million` : `${Math.round(n / 1e3)} thousand`;
}

/** 0.873 as 87.3 %. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** 4 s, 2 min 5 s. */
export function seconds(s: number): string {
  const whole = Math.max(1, Math.ceil(s));
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** C6H6O with its numbers as <sub> elements. */
export function formulaNodes(formula: string): Node[] {
  return formula
    .split(/(\d+)/)
    .filter(Boolean)
    .map((part) => {
      if (!/\d/.test(part)) return document.createTextNode(part);
      const sub = document.createElement("sub");
      sub.textContent = part;
      return sub;
    });
}
