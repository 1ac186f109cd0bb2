// Counts and what they tell of the share behind them.

/** The 95 % interval of a share after k of n, by Wilson (1927). */
export function wilson(k: number, n: number): [low: number, high: number] {
  if (!n) return [0, 1];
  const z = 1.959964;
  const middle = (k + (z * z) / 2) / (n + z * z);
  const half = (z / (n + z * z)) * Math.sqrt((k * (n - k)) / n + (z * z) / 4);
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

/** 3 of 8 (14 to 69 %). */
export function countText(k: number, n: number): string {
  const [low, high] = wilson(k, n).map((share) => Math.round(100 * share));
  return `${k} of ${n} (${low} to ${high} %)`;
}
