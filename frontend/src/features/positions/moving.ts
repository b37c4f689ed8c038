import type { Position, ProtectionChange } from '@/api/types';
import { parse, plain, sign } from '@/shared/decimal';
import { type Span, secondsOf, spanOf } from '@/shared/span';

/** What moves the stop of a position, and its time, as they are written; empty is off. */
export interface Moving {
  trailing: string;
  activation: string;
  breakEven: string;
  offset: string;
  timeExit: Span;
}

export type MovingErrors = Partial<Record<keyof Moving, string>>;

const MARK = /^(\d+(?:\.\d+)?)\s*(%?)$/;

export const movingOf = ({ trailing, break_even, time_exit_s }: Position): Moving => ({
  trailing: trailing?.distance ?? '',
  activation: trailing?.activation ?? '',
  breakEven: break_even?.trigger ?? '',
  offset: break_even?.offset ?? '0%',
  timeExit: spanOf(time_exit_s),
});

/** A distance or price in one way of writing, null for anything else. */
function mark(text: string): string | null {
  const [, amount, percent] = MARK.exec(text.trim()) ?? [];
  const value = parse(amount);
  return value && sign(value) > 0 ? `${plain(value)}${percent}` : null;
}

function share(text: string): string | null {
  const [, amount, percent] = MARK.exec(text.trim()) ?? [];
  const value = parse(amount);
  return value && percent ? `${plain(value)}%` : null;
}

const offsetOf = ({ offset }: Moving) => (offset.trim() ? offset : '0%');

/** What can be told before asking the engine, which knows the price. */
export function movingErrors(moving: Moving): MovingErrors {
  const { trailing, activation, breakEven, timeExit } = moving;
  const errors: MovingErrors = {};
  const wrong = 'A distance like 1.5% or a price like 64000.';
  if (trailing.trim() && !mark(trailing)) errors.trailing = 'A distance like 0.8% or 500.';
  if (!trailing.trim() && activation.trim()) errors.trailing = 'How far behind the best price?';
  if (activation.trim() && !mark(activation)) errors.activation = wrong;
  if (breakEven.trim() && !mark(breakEven)) errors.breakEven = wrong;
  if (breakEven.trim() && !share(offsetOf(moving))) errors.offset = 'A share like 0.1%.';
  if (timeExit.amount.trim() && !/^[1-9]\d*$/.test(timeExit.amount.trim())) {
    errors.timeExit = 'A whole number above 0, or nothing.';
  }
  return errors;
}

const same = (one: object | null, other: object | null) => JSON.stringify(one) === JSON.stringify(other);

const trailingOf = ({ trailing, activation }: Moving) => {
  const distance = mark(trailing);
  return distance ? { distance, activation: mark(activation) } : null;
};

const breakEvenOf = (moving: Moving) => {
  const trigger = mark(moving.breakEven);
  return trigger ? { trigger, offset: share(offsetOf(moving)) ?? '0%' } : null;
};

/** What is asked for: only what differs from the position; null switches off. */
export function movingChange(position: Position, moving: Moving): ProtectionChange {
  const now = movingOf(position);
  const change: ProtectionChange = {};
  const [trailing, breakEven, seconds] = [
    trailingOf(moving),
    breakEvenOf(moving),
    secondsOf(moving.timeExit),
  ];
  if (!same(trailing, trailingOf(now))) change.trailing = trailing;
  if (!same(breakEven, breakEvenOf(now))) change.break_even = breakEven;
  if (seconds !== (position.time_exit_s ?? null)) change.time_exit_s = seconds;
  return change;
}

/** "0.8% behind, from 2% on". */
export const trailingWords = (trailing: ProtectionChange['trailing']) =>
  trailing
    ? `${trailing.distance} behind${trailing.activation ? `, from ${trailing.activation} on` : ''}`
    : 'off';

/** "at 1%, plus 0.1%". */
export const breakEvenWords = (breakEven: ProtectionChange['break_even']) =>
  breakEven
    ? `at ${breakEven.trigger}${breakEven.offset && breakEven.offset !== '0%' ? `, plus ${breakEven.offset}` : ''}`
    : 'off';
