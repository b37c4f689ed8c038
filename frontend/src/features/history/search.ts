import type { HistoryFilter, HistoryKind } from '@/api/history';
import type { ExitReason } from '@/api/types';

/** What the page shows, as its address says. Days are the user's own, both counted in. */
export interface HistorySearch {
  view?: HistoryKind;
  account?: string;
  symbol?: string;
  strategy?: string;
  exit?: ExitReason;
  from?: string;
  to?: string;
}

export const VIEWS: Record<HistoryKind, string> = {
  trades: 'Trades',
  orders: 'Orders',
  executions: 'Executions',
};

export const EXIT_REASONS: ExitReason[] = [
  'stop_loss',
  'take_profit',
  'trailing',
  'break_even',
  'time',
  'signal',
  'reverse',
  'manual',
  'external',
  'liquidation',
  'halt',
];

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const text = (value: unknown) => (typeof value === 'string' && value ? value : undefined);
const day = (value: unknown) => (typeof value === 'string' && DAY.test(value) ? value : undefined);

/** Reads the address; what makes no sense is left out. */
export function readSearch(search: Record<string, unknown>): HistorySearch {
  const view = text(search.view);
  const exit = text(search.exit);
  const read: { [Key in keyof HistorySearch]: HistorySearch[Key] | undefined } = {
    view: view && view in VIEWS ? (view as HistoryKind) : undefined,
    account: text(search.account),
    symbol: text(search.symbol)?.toUpperCase(),
    strategy: text(search.strategy),
    exit: EXIT_REASONS.find((reason) => reason === exit),
    from: day(search.from),
    to: day(search.to),
  };
  return Object.fromEntries(Object.entries(read).filter(([, value]) => value !== undefined));
}

/** Midnight at the start of a day of the user's, `later` days on, as an instant. */
function midnight(of: string, later = 0): string | undefined {
  const [year = 0, month = 1, date = 1] = of.split('-').map(Number);
  const at = new Date(year, month - 1, date + later);
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}

/** What the API is asked for. */
export function toFilter({ account, symbol, strategy, exit, from, to }: HistorySearch): HistoryFilter {
  const since = from && midnight(from);
  const until = to && midnight(to, 1);
  return {
    ...(account && { account_id: account }),
    ...(symbol && { symbol }),
    ...(strategy && { strategy_id: strategy }),
    ...(exit && { exit_reason: exit }),
    ...(since && { since }),
    ...(until && { until }),
  };
}

/** The user's day `back` days ago: "2026-11-24". */
export function dayAgo(back: number, now: number): string {
  const at = new Date(now);
  at.setDate(at.getDate() - back);
  const pad = (value: number) => String(value).padStart(2, '0');
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
}
