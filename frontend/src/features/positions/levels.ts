import type { Position, ProtectionChange } from '@/api/types';
import { profit } from '@/live/quote';
import {
  abs,
  add,
  type Decimal,
  divide,
  multiply,
  parse,
  plain,
  rescale,
  sign,
  subtract,
} from '@/shared/decimal';

/** A take-profit as it is written: where, and the share of the opened quantity it closes. */
export interface Rung {
  at: string;
  portion: string;
}

const PERCENT = /^(\d+(?:\.\d+)?)\s*%$/;
const HUNDRED: Decimal = { units: 100n, scale: 0 };

/** "50%" → 0.5; null for anything that is no share above 0. */
export function readShare(text: string): Decimal | null {
  const share = parse(PERCENT.exec(text.trim())?.[1]);
  return share && sign(share) > 0 ? divide(share, HUNDRED, share.scale + 2) : null;
}

/**
 * Where a level written as a price ("64000") or as a distance from entry ("1.5%") lies, with `decimals` fraction
 * digits; null when it is neither. The engine rounds to the tick.
 */
export function levelPrice(
  text: string,
  position: Position,
  kind: 'stop' | 'target',
  decimals: number,
): Decimal | null {
  const at = parse(text.trim());
  if (at) return sign(at) > 0 ? at : null;
  const share = readShare(text);
  const entry = parse(position.entry_price);
  if (!share || !entry) return null;
  const distance = multiply(entry, share);
  const above = (kind === 'target') === (position.side === 'long');
  return rescale(above ? add(entry, distance) : subtract(entry, distance), Math.max(decimals, entry.scale));
}

/** Whether the price has gone past a level already, so that it would act at once. */
export function isReached(level: Decimal, last: Decimal, position: Position, kind: 'stop' | 'target') {
  const fromBelow = (kind === 'target') === (position.side === 'long');
  const ahead = sign(subtract(level, last));
  return fromBelow ? ahead <= 0 : ahead >= 0;
}

/** USDT that `share` of the position makes at a level, before fees. */
export function resultAt(position: Position, level: Decimal | null, share: Decimal | null): Decimal | null {
  const qty = parse(position.qty);
  return level && share && qty ? profit(position, multiply(qty, share), level) : null;
}

/** Reward for each USDT at risk: distance to the target over distance to the stop; null when nothing is at risk. */
export function rewardToRisk(
  position: Position,
  stop: Decimal | null,
  target: Decimal | null,
): string | null {
  const entry = parse(position.entry_price);
  if (!entry || !stop || !target) return null;
  const losing = sign(subtract(entry, stop)) * (position.side === 'long' ? 1 : -1) > 0;
  const ratio = losing ? divide(abs(subtract(target, entry)), abs(subtract(entry, stop)), 2) : null;
  return ratio && plain(ratio);
}

export const armedRungs = ({ take_profit }: Position): Rung[] =>
  take_profit
    .filter(({ status }) => status === 'armed')
    .map(({ price, portion }) => ({ at: price, portion }));

const sameText = (a: string, b: string) => {
  const [x, y] = [parse(a.trim()), parse(b.trim())];
  return x && y ? plain(x) === plain(y) : a.trim() === b.trim();
};

export const sameLadder = (a: readonly Rung[], b: readonly Rung[]) =>
  a.length === b.length &&
  a.every(({ at, portion }, index) => {
    const other = b[index];
    return other !== undefined && sameText(at, other.at) && sameText(portion, other.portion);
  });

/** What is asked for: only what differs from the position; null when nothing does. */
export function protectionChange(
  position: Position,
  stop: string,
  rungs: readonly Rung[],
): ProtectionChange | null {
  const change: ProtectionChange = {};
  if (stop.trim() && !sameText(stop, position.stop_loss ?? '')) change.stop_loss = stop.trim();
  if (!sameLadder(rungs, armedRungs(position))) {
    change.take_profit = rungs.map(({ at, portion }) => ({ at: at.trim(), portion: portion.trim() }));
  }
  return Object.keys(change).length > 0 ? change : null;
}

/** The share of the position a ladder leaves open, in percent; below 0 when it closes more than there is. */
export function leftOpen(rungs: readonly Rung[]): Decimal {
  const whole: Decimal = { units: 1n, scale: 0 };
  const left = rungs.reduce((open, { portion }) => {
    const share = readShare(portion);
    return share ? subtract(open, share) : open;
  }, whole);
  return multiply(left, HUNDRED);
}
