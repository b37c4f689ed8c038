import type { Position } from '@/api/types';
import { duration } from '@/shared/format';

/** The watchdog proves the resident stop every few seconds; this long without proof is worth a word. */
export const UNPROVEN_AFTER_MS = 60_000;

export interface Layer {
  state: 'ok' | 'warn' | 'missing' | 'pending';
  words: string;
  title: string;
}

/** The stop the engine checks on every tick; `engineAlive` is undefined when nothing was heard of it lately. */
export function watchedLayer(position: Position, engineAlive: boolean | undefined): Layer {
  if (position.stop_loss === null) {
    return { state: 'missing', words: 'No stop watched', title: 'This position has no stop-loss level' };
  }
  if (engineAlive === false) {
    return {
      state: 'missing',
      words: 'Watch is down',
      title: 'The engine that checks every tick is not running',
    };
  }
  if (engineAlive === undefined) {
    return { state: 'pending', words: 'Watch not known', title: 'Nothing was heard of the engine lately' };
  }
  return { state: 'ok', words: 'Watched', title: 'The engine checks the stop-loss on every tick' };
}

/** The stop kept at the exchange, which holds while the engine is away. */
export function residentLayer({ resident_stop, status }: Position, now: number): Layer {
  const { price, verified_at } = resident_stop;
  if (price === null) {
    return status === 'opening'
      ? {
          state: 'pending',
          words: 'Exchange pending',
          title: 'The exchange stop is sent with the opening order',
        }
      : {
          state: 'missing',
          words: 'No exchange stop',
          title: 'The exchange holds no stop for this position',
        };
  }
  if (verified_at === null) {
    return {
      state: 'pending',
      words: 'Exchange unproven',
      title: `Stop at ${price}, not yet seen at the exchange`,
    };
  }
  const age = Math.max(0, now - Date.parse(verified_at));
  const title = `The exchange holds a stop at ${price}; verified ${duration(age)} ago`;
  return age > UNPROVEN_AFTER_MS
    ? { state: 'warn', words: `Verified ${duration(age)} ago`, title }
    : { state: 'ok', words: `Verified ${duration(age)} ago`, title };
}

/** Whether the exchange's own stop should be there and is not. */
export const isUnprotected = ({ resident_stop, status }: Position) =>
  resident_stop.price === null && status !== 'opening';
