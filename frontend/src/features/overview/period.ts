export type Period = '1d' | '7d' | '30d' | '90d' | 'all';

const DAY_MS = 86_400_000;
const STEP_MS = 300_000;
const SPANS: Record<Exclude<Period, 'all'>, number> = { '1d': 1, '7d': 7, '30d': 30, '90d': 90 };

export const PERIODS: Record<Period, string> = {
  '1d': '24 h',
  '7d': '7 days',
  '30d': '30 days',
  '90d': '90 days',
  all: 'All',
};

/** When a period begins, in steps of five minutes, so that it is not another question each moment. */
export function sinceOf(period: Period, now: number): string | undefined {
  if (period === 'all') return undefined;
  return new Date(Math.floor(now / STEP_MS) * STEP_MS - SPANS[period] * DAY_MS).toISOString();
}

/** 00:00 UTC, when a trading day begins. */
export const dayStart = (now: number) => new Date(Math.floor(now / DAY_MS) * DAY_MS).toISOString();

/** What the page shows, as its address says. */
export interface OverviewSearch {
  period?: Period;
  account?: string;
}

export function readSearch(search: Record<string, unknown>): OverviewSearch {
  const { period, account } = search;
  return {
    ...(typeof period === 'string' && period in PERIODS ? { period: period as Period } : {}),
    ...(typeof account === 'string' && account ? { account } : {}),
  };
}
