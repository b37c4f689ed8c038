import type { Position } from '@/api/types';
import { add, type Decimal, divide, multiply, negate, parse, plain, subtract, ZERO } from '@/shared/decimal';
import { decimalsOf } from '@/shared/format';

/** `fresh` up to 3 s old, `stale` shown dimmed, `gone` after 30 s: no longer good enough to compute with. */
export type Freshness = 'fresh' | 'stale' | 'gone';

export const STALE_AFTER_MS = 3_000;
export const GONE_AFTER_MS = 30_000;

export interface LivePrice {
  last: string;
  ts: number;
  /** The most fraction digits seen, so that a price ending in zeros does not change its width. */
  decimals: number;
  /** How old the price was when it arrived, by the server's clock; the rest is counted by ours. */
  ageAtArrival: number;
  arrivedAt: number;
}

/** A position at the current price. Decimals as text, so that equal values compare equal. */
export interface Quote {
  last: string | null;
  /** USDT, fees not counted; the last known value, whatever its freshness. */
  pnl: string | null;
  /** Of the margin used, in percent. */
  pnlPercent: string | null;
  freshness: Freshness;
  /** Fraction digits to show prices with. */
  decimals: number;
}

export interface Total {
  pnl: string | null;
  open: number;
  /** Positions whose price is too old to count. */
  unknown: number;
  /** Some price counted is older than 3 s. */
  stale: boolean;
}

export function freshnessOf(ageMs: number): Freshness {
  if (ageMs > GONE_AFTER_MS) return 'gone';
  return ageMs > STALE_AFTER_MS ? 'stale' : 'fresh';
}

export const ageOf = (price: LivePrice, now: number) =>
  price.ageAtArrival + Math.max(0, now - price.arrivedAt);

/** Profit or loss of `qty` at `last`: sign × (last − entry) × qty. */
export function profit(position: Position, qty: Decimal, last: Decimal): Decimal | null {
  const entry = parse(position.entry_price);
  if (!entry) return null;
  const result = multiply(subtract(last, entry), qty);
  return position.side === 'long' ? result : negate(result);
}

function percentOfMargin(position: Position, pnl: Decimal): string | null {
  const entry = parse(position.entry_price);
  const qty = parse(position.qty);
  if (!entry || !qty) return null;
  const leverage = parse(position.leverage) ?? { units: 1n, scale: 0 };
  const percent = multiply(multiply(pnl, leverage), { units: 100n, scale: 0 });
  const result = divide(percent, multiply(entry, qty), 2);
  return result && plain(result);
}

/**
 * The live price when there is one; until then what the server computed when it sent the position,
 * which ages from its arrival.
 */
export function quoteOf(
  position: Position,
  price: LivePrice | undefined,
  arrivedAt: number,
  now: number,
): Quote {
  const last = price ? parse(price.last) : null;
  const qty = parse(position.qty);
  const live = last && qty ? profit(position, qty, last) : null;
  const pnl = live ?? (price ? null : parse(position.unrealised_pnl));
  return {
    last: price?.last ?? null,
    pnl: pnl && plain(pnl),
    pnlPercent: pnl && percentOfMargin(position, pnl),
    freshness: freshnessOf(price ? ageOf(price, now) : Math.max(0, now - arrivedAt)),
    decimals: Math.max(
      price?.decimals ?? 0,
      decimalsOf(position.stop_loss, ...position.take_profit.map(({ price: at }) => at)),
    ),
  };
}

export function totalOf(quotes: readonly Quote[]): Total {
  const known = quotes.filter((quote) => quote.pnl !== null && quote.freshness !== 'gone');
  const pnl = known.reduce((sum, quote) => add(sum, parse(quote.pnl) ?? ZERO), ZERO);
  return {
    pnl: quotes.length > 0 && known.length === 0 ? null : plain(pnl),
    open: quotes.length,
    unknown: quotes.length - known.length,
    stale: known.some(({ freshness }) => freshness === 'stale'),
  };
}

export const sameQuote = (a: Quote | undefined, b: Quote) =>
  a !== undefined &&
  a.last === b.last &&
  a.pnl === b.pnl &&
  a.pnlPercent === b.pnlPercent &&
  a.decimals === b.decimals &&
  a.freshness === b.freshness;
