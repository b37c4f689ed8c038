import { createStore } from 'zustand/vanilla';
import type { ApiError } from '@/api/problem';
import type { Environment, Health, Position, PriceItem } from '@/api/types';
import { decimalsOf } from '@/shared/format';
import { type LivePrice, type Quote, quoteOf, sameQuote, type Total, totalOf } from './quote';

export interface Link {
  /** `idle`: not started. `waiting`: between two attempts. */
  phase: 'idle' | 'connecting' | 'open' | 'waiting';
  /** Attempts failed since the link was last open. */
  failures: number;
  everOpen: boolean;
  lastMessageAt: number;
}

export interface LiveState {
  link: Link;
  /** Whether the positions below are known at all. */
  loaded: boolean;
  /** The snapshot was too large: positions are read over REST. */
  truncated: boolean;
  /** Why positions could not be read over REST either. */
  failure: ApiError | null;
  /** Open positions, newest first. */
  ids: readonly string[];
  positions: Readonly<Record<string, Position>>;
  /** By `environment:symbol`. */
  prices: Readonly<Record<string, LivePrice>>;
  quotes: Readonly<Record<string, Quote>>;
  total: Total;
  environments: Readonly<Record<string, Environment>>;
  health: Health | null;
  healthAt: number;
  /** The browser's clock, ticking once a second. */
  now: number;
  /** How far the server's clock is ahead of the browser's. */
  clockOffset: number;
}

const initial = (): LiveState => ({
  link: { phase: 'idle', failures: 0, everOpen: false, lastMessageAt: 0 },
  loaded: false,
  truncated: false,
  failure: null,
  ids: [],
  positions: {},
  prices: {},
  quotes: {},
  total: { pnl: '0', open: 0, unknown: 0, stale: false },
  environments: {},
  health: null,
  healthAt: 0,
  now: Date.now(),
  clockOffset: 0,
});

export const live = createStore<LiveState>(initial);

/** When each position arrived, and those seen closed: a slower REST answer must not bring them back. */
const arrivals = new Map<string, number>();
const closed = new Map<string, string>();

const priceKey = (environment: string, symbol: string) => `${environment}:${symbol}`;

function priceOf(state: LiveState, position: Position): LivePrice | undefined {
  const environment = state.environments[position.account_id];
  return environment && state.prices[priceKey(environment, position.symbol)];
}

/** Quotes and total at `now`; quotes that did not change stay the same object, so that no cell renders for nothing. */
function requoted(state: LiveState, now: number): Pick<LiveState, 'quotes' | 'total'> {
  const quotes: Record<string, Quote> = {};
  let changed = state.ids.length !== Object.keys(state.quotes).length;
  const list = state.ids.flatMap((id) => {
    const position = state.positions[id];
    if (!position) return [];
    const before = state.quotes[id];
    const after = quoteOf(position, priceOf(state, position), arrivals.get(id) ?? now, now);
    const quote = before && sameQuote(before, after) ? before : after;
    changed ||= quote !== before;
    quotes[id] = quote;
    return [quote];
  });
  if (!changed) return { quotes: state.quotes, total: state.total };
  const total = totalOf(list);
  const { total: old } = state;
  const same =
    total.pnl === old.pnl &&
    total.open === old.open &&
    total.unknown === old.unknown &&
    total.stale === old.stale;
  return { quotes, total: same ? old : total };
}

function change(next: (state: LiveState) => Partial<LiveState>): void {
  live.setState((state) => {
    const changed = { ...state, ...next(state) };
    return { ...changed, ...requoted(changed, Date.now()) };
  });
}

const newestFirst = (positions: Record<string, Position>) =>
  Object.values(positions)
    .toSorted((a, b) => b.opened_at.localeCompare(a.opened_at) || a.symbol.localeCompare(b.symbol))
    .map(({ id }) => id);

/** ISO times of one server compare as instants; equal counts as newer. */
const isNewer = (a: Position, b: Position) => Date.parse(a.updated_at) >= Date.parse(b.updated_at);

export function replacePositions(list: readonly Position[], truncated = false): void {
  closed.clear();
  arrivals.clear();
  const positions: Record<string, Position> = {};
  for (const position of list) {
    if (position.status === 'closed') continue;
    positions[position.id] = position;
    arrivals.set(position.id, Date.now());
  }
  change((state) => {
    if (truncated) return { truncated };
    return {
      positions: sharing(state.positions, positions),
      ids: newestFirst(positions),
      loaded: true,
      truncated,
      failure: null,
    };
  });
}

/** Positions read over REST: what was heard live meanwhile and is newer, wins. */
export function mergePositions(list: readonly Position[]): void {
  change((state) => {
    const positions: Record<string, Position> = {};
    for (const position of list) {
      const heard = state.positions[position.id];
      if (position.status === 'closed' || closed.has(position.id)) continue;
      positions[position.id] = heard && isNewer(heard, position) ? heard : position;
      arrivals.set(position.id, Date.now());
    }
    return {
      positions: sharing(state.positions, positions),
      ids: newestFirst(positions),
      loaded: true,
      truncated: false,
      failure: null,
    };
  });
}

/** Keeps the object already held for a position that did not change. */
function sharing(before: Readonly<Record<string, Position>>, after: Record<string, Position>) {
  for (const [id, position] of Object.entries(after)) {
    const known = before[id];
    if (known && JSON.stringify(known) === JSON.stringify(position)) after[id] = known;
  }
  return after;
}

export function putPosition(position: Position): void {
  arrivals.set(position.id, Date.now());
  change((state) => {
    const positions = { ...state.positions };
    if (position.status === 'closed') {
      closed.set(position.id, position.updated_at);
      arrivals.delete(position.id);
      delete positions[position.id];
    } else positions[position.id] = position;
    return { positions, ids: newestFirst(positions) };
  });
}

const pending = new Map<string, LivePrice>();
let flushing = false;

/** Prices wait for the next frame (a hidden tab draws none: once a second); the last one of a symbol wins. */
export function putPrices(items: readonly PriceItem[], sentAt: number): void {
  const arrivedAt = Date.now();
  for (const { environment, symbol, last, ts } of items) {
    const key = priceKey(environment, symbol);
    const known = pending.get(key) ?? live.getState().prices[key];
    if (known && known.ts > ts) continue;
    const decimals = Math.max(decimalsOf(last), known?.decimals ?? 0);
    pending.set(key, { last, ts, decimals, ageAtArrival: Math.max(0, sentAt - ts), arrivedAt });
  }
  if (flushing) return;
  flushing = true;
  if (document.hidden) setTimeout(flushPrices, 1000);
  else requestAnimationFrame(flushPrices);
}

export function flushPrices(): void {
  flushing = false;
  if (pending.size === 0) return;
  const fresh = Object.fromEntries(pending);
  pending.clear();
  change((state) => ({ prices: { ...state.prices, ...fresh } }));
}

export function putHealth(health: Health): void {
  live.setState({ health, healthAt: Date.now() });
}

export function putEnvironments(environments: Record<string, Environment>): void {
  change(() => ({ environments }));
}

/** Follows the server's clock from the time its messages were sent; the quickest message tells it best. */
export function heard(sentAt: number): void {
  const now = Date.now();
  live.setState(({ link, clockOffset }) => {
    const offset = sentAt - now;
    const drifted = Math.abs(offset - clockOffset) > 250;
    return { link: { ...link, lastMessageAt: now }, ...(drifted ? { clockOffset: offset } : {}) };
  });
}

export function setLink(link: Partial<Link>): void {
  live.setState((state) => ({ link: { ...state.link, ...link } }));
}

/** Once a second: ages show, and prices that stopped coming go stale. */
export function tick(): void {
  change(() => ({ now: Date.now() }));
}

export function resetLive(): void {
  arrivals.clear();
  closed.clear();
  pending.clear();
  live.setState(initial(), true);
}
