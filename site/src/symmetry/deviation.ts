// How far two sets of atoms are apart, and how samples of them are spread.

export interface Deviation {
  /** The largest distance of an atom to its partner, Å. */
  largest: number;
  /** Root of the mean square distance, Å. */
  rms: number;
  /** |x - y| / |y|, Frobenius norms. */
  relative: number;
}

/** Of x from y, both (n, 3). */
export function deviation(x: ArrayLike<number>, y: ArrayLike<number>): Deviation {
  let [largest, off, size] = [0, 0, 0];
  for (let i = 0; i < y.length; i += 3) {
    let square = 0;
    for (let k = i; k < i + 3; k++) {
      square += (x[k]! - y[k]!) ** 2;
      size += y[k]! ** 2;
    }
    off += square;
    largest = Math.max(largest, square);
  }
  return {
    largest: Math.sqrt(largest),
    rms: Math.sqrt((3 * off) / y.length),
    relative: Math.sqrt(off / size),
  };
}

/**
 * Where a run without symmetry would be expected to end up is not known; where the others did is:
 * the mean of samples (n, 3).
 */
export function mean(samples: readonly ArrayLike<number>[]): Float64Array {
  const sum = new Float64Array(samples[0]!.length);
  for (const sample of samples)
    for (let k = 0; k < sum.length; k++) sum[k]! += sample[k]! / samples.length;
  return sum;
}
