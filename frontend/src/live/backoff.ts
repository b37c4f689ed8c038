const FIRST_MS = 500;
const LONGEST_MS = 30_000;

/** Full jitter: anywhere between 0 and a ceiling that doubles with each failure, so that clients do not return as one. */
export function backoff(failures: number, random: number): number {
  return random * Math.min(LONGEST_MS, FIRST_MS * 2 ** failures);
}
