import type { ErrorCode } from "./protocol.js";

/**
 * Every failure of this package, but for cancelling: an aborted signal rejects with its own reason,
 * an AbortError by default.
 */
export class SymDiffError extends Error {
  override readonly name = "SymDiffError";
  constructor(
    readonly code: ErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/**
 * The whole number of a setting, from 0 to `most`. Throws a SymDiffError that names the setting.
 */
export function whole(
  name: string,
  value: number | bigint,
  most: bigint = BigInt(Number.MAX_SAFE_INTEGER),
): number | bigint {
  const ok =
    typeof value === "bigint"
      ? value >= 0n && value <= most
      : Number.isSafeInteger(value) && value >= 0;
  if (ok) return value;
  const bound = most === SEED ? "2^64-1, a bigint where it is above 2^53-1" : `${most}`;
  const have = typeof value === "string" ? `the string ${JSON.stringify(value)}` : String(value);
  throw new SymDiffError(
    "options",
    `${name}: expected a whole number from 0 to ${bound}; have ${have}`,
  );
}

/** The largest seed. */
const SEED = (1n << 64n) - 1n;

/** A seed as core reads it. */
export function seedText(name: string, seed: number | bigint): string {
  return String(whole(name, seed, SEED));
}

/** What a thrown value says. */
export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
