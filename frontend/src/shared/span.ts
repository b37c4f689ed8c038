/** A length of time as a form holds it: an amount as it is written, empty for none, and its unit. */
export interface Span {
  amount: string;
  unit: TimeUnit;
}

export type TimeUnit = 'seconds' | 'minutes' | 'hours' | 'days';
export const SECONDS_IN: Record<TimeUnit, number> = { seconds: 1, minutes: 60, hours: 3600, days: 86_400 };

/** In the largest unit in which it is a whole number. */
export function spanOf(seconds: number | null | undefined): Span {
  if (!seconds) return { amount: '', unit: 'hours' };
  const units = Object.keys(SECONDS_IN) as TimeUnit[];
  const unit = units.findLast((name) => seconds % SECONDS_IN[name] === 0) ?? 'seconds';
  return { amount: String(seconds / SECONDS_IN[unit]), unit };
}

/** Null where nothing is written. */
export function secondsOf({ amount, unit }: Span): number | null {
  return amount.trim() ? Number(amount.trim()) * SECONDS_IN[unit] : null;
}
