// Rotation angles in bins, against the Haar measure.

/** Haar measure of the rotations by less than an angle: the integral of (1 - cos θ)/π. */
export function haarBelow(angle: number): number {
  return (angle - Math.sin(angle)) / Math.PI;
}

/** Density of the angle under the Haar measure, per radian. */
export function haarDensity(angle: number): number {
  return (1 - Math.cos(angle)) / Math.PI;
}

/** Counts of angles in equal bins over [0, π]. */
export function bin(angles: readonly number[], bins: number): number[] {
  const counts = new Array<number>(bins).fill(0);
  for (const angle of angles) counts[Math.min(bins - 1, Math.floor((angle / Math.PI) * bins))]!++;
  return counts;
}

/**
 * Kolmogorov's distance of angles from the Haar measure: the largest difference of the two
 * distribution functions.
 */
export function haarDistance(angles: readonly number[]): number {
  const n = angles.length;
  return [...angles]
    .sort((a, b) => a - b)
    .reduce((most, angle, i) => {
      const haar = haarBelow(angle);
      return Math.max(most, (i + 1) / n - haar, haar - i / n);
    }, 0);
}
