/**
 * alpha_t of the schedule polynomial_2, by its formula: alpha² = (1-2s)·(1-u²)² + s, u = t/T, s =
 * 1e-5 (core/schedule defines it).
 */
export function alphaAt(u: number): number {
  const s = 1e-5;
  return Math.sqrt((1 - 2 * s) * (1 - u * u) ** 2 + s);
}
