import type { StatsGroup } from '@/api/types';
import { abs, type Decimal, divide, parse, subtract, ZERO } from '@/shared/decimal';

export interface CalendarDay {
  /** "2026-11-24", in UTC. */
  day: string;
  /** Null where nothing was closed. */
  result: StatsGroup | null;
  /** How much it was beside the most of any day: 0 to 4. */
  strength: number;
  /** Not come yet. */
  ahead: boolean;
}

const DAY_MS = 86_400_000;
const STEPS = 4;

const larger = (a: Decimal, b: Decimal) => (subtract(a, b).units > 0n ? a : b);

/** Weeks of seven days, Monday first, up to the week of today. */
export function calendarOf(groups: readonly StatsGroup[], weeks: number, now: number): CalendarDay[][] {
  const byDay = new Map(groups.map((group) => [group.key, group]));
  const size = (group: StatsGroup) => abs(parse(group.net_pnl) ?? ZERO);
  const most = groups.reduce((sofar, group) => larger(sofar, size(group)), ZERO);
  const today = Math.floor(now / DAY_MS) * DAY_MS;
  const monday = today - ((new Date(today).getUTCDay() + 6) % 7) * DAY_MS;
  const first = monday - (weeks - 1) * 7 * DAY_MS;

  return Array.from({ length: weeks }, (_, week) =>
    Array.from({ length: 7 }, (_, weekday) => first + (week * 7 + weekday) * DAY_MS).map((at) => {
      const day = new Date(at).toISOString().slice(0, 10);
      const result = byDay.get(day) ?? null;
      const share = result && divide(size(result), most, 2);
      const strength = share ? Math.max(1, Math.ceil((Number(share.units) / 100) * STEPS)) : 0;
      return { day, result, strength, ahead: at > today };
    }),
  );
}
