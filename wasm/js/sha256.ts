// SHA-256 (FIPS 180-4), for pages that are not secure contexts: there browsers have no
// crypto.subtle. Go's own would add half a megabyte to the WebAssembly module.

/**
 * The first 32 bits of the fractional parts of the roots of the first primes: square roots (8) and
 * cube roots (64).
 */
function constants(): { state: Uint32Array; rounds: Uint32Array } {
  const primes: number[] = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((p) => n % p)) primes.push(n);
  const fraction = (x: number) => Math.floor((x - Math.floor(x)) * 2 ** 32);
  return {
    state: Uint32Array.from(primes.slice(0, 8), (p) => fraction(Math.sqrt(p))),
    rounds: Uint32Array.from(primes, (p) => fraction(Math.cbrt(p))),
  };
}

/** The digest, hexadecimal. */
export function sha256(data: Uint8Array): string {
  const { state, rounds } = constants();
  const schedule = new Uint32Array(64);
  const whole = data.length - (data.length % 64);
  for (let at = 0; at < whole; at += 64) compress(state, rounds, schedule, data, at);
  // The rest, a one bit, zeros, and the length in bits.
  const rest = data.subarray(whole);
  const last = new Uint8Array(rest.length < 56 ? 64 : 128);
  last.set(rest);
  last[rest.length] = 0x80;
  new DataView(last.buffer).setBigUint64(last.length - 8, 8n * BigInt(data.length));
  for (let at = 0; at < last.length; at += 64) compress(state, rounds, schedule, last, at);
  return Array.from(state, (word) => word.toString(16).padStart(8, "0")).join("");
}

/** Takes the 64 bytes at a place into the state. */
function compress(
  state: Uint32Array,
  rounds: Uint32Array,
  w: Uint32Array,
  data: Uint8Array,
  at: number,
): void {
  for (let i = 0; i < 16; i++) {
    const k = at + 4 * i;
    w[i] = (data[k]! << 24) | (data[k + 1]! << 16) | (data[k + 2]! << 8) | data[k + 3]!;
  }
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15]!;
    const y = w[i - 2]!;
    const s0 = (right(x, 7) ^ right(x, 18) ^ (x >>> 3)) | 0;
    const s1 = (right(y, 17) ^ right(y, 19) ^ (y >>> 10)) | 0;
    w[i] = (w[i - 16]! + s0 + w[i - 7]! + s1) | 0;
  }
  let a = state[0]! | 0,
    b = state[1]! | 0,
    c = state[2]! | 0,
    d = state[3]! | 0;
  let e = state[4]! | 0,
    f = state[5]! | 0,
    g = state[6]! | 0,
    h = state[7]! | 0;
  for (let i = 0; i < 64; i++) {
    const s1 = right(e, 6) ^ right(e, 11) ^ right(e, 25);
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + rounds[i]! + w[i]!) | 0;
    const s0 = right(a, 2) ^ right(a, 13) ^ right(a, 22);
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => (state[i] = state[i]! + word));
}

function right(x: number, n: number): number {
  return (x >>> n) | (x << (32 - n));
}
