import { notifications } from '@mantine/notifications';
import type { Position } from '@/api/types';
import { notices } from '@/live/notices';
import { live } from '@/live/store';

const PATIENCE_MS = 20_000;

interface Watched {
  toast: string;
  title: string;
  message: string;
  /** Title and message once it has happened, or null. */
  happened: (now: Position | undefined) => [string, string] | null;
  late: [string, string];
}

/** One toast that tells what becomes of a command; a warning that comes meanwhile speaks for itself. */
function watch(id: string, { toast, title, message, happened, late }: Watched): void {
  notifications.show({ id: toast, loading: true, autoClose: false, withCloseButton: true, title, message });
  const before = notices.getState().list[0]?.id;

  const stop = () => {
    clearTimeout(patience);
    unsubscribe();
    unwarned();
  };
  const end = ([title, message]: [string, string]) => {
    stop();
    notifications.update({ id: toast, loading: false, autoClose: 5000, title, message });
  };
  const unsubscribe = live.subscribe(({ positions }) => {
    const outcome = happened(positions[id]);
    if (outcome) end(outcome);
  });
  const unwarned = notices.subscribe(({ list }) => {
    const newest = list[0];
    if (!newest || newest.id === before || newest.level === 'info') return;
    stop();
    notifications.hide(toast);
  });
  const patience = setTimeout(() => end(late), PATIENCE_MS);
}

/** Tells what became of a close or reversal: sent, then filled, or that it is still on its way. */
export function follow(kind: 'close' | 'reverse', asked: Position, percent: string): void {
  const { id, symbol, side, qty } = asked;
  const part = kind === 'close' && percent !== '100';
  const what = part ? `${percent} % of ${symbol} ${side}` : `${symbol} ${side}`;
  watch(id, {
    toast: `follow-${id}`,
    title: `${kind === 'close' ? 'Closing' : 'Reversing'} ${what}`,
    message: 'Sent; waiting for the fill.',
    happened: (now) => {
      if (now && now.qty === qty && now.side === side) return null;
      if (kind === 'reverse') return [`${symbol} ${side} closed`, 'The other side opens next.'];
      return [`Closed ${what}`, now ? `${now.qty} left open.` : 'The result is under closed trades.'];
    },
    late: [`${what}: not filled yet`, "The position's status in the table tells how it goes on."],
  });
}

const levels = ({ stop_loss, take_profit }: Position) => JSON.stringify([stop_loss, take_profit]);

/** Tells when the engine has taken over new levels. */
export function followProtection(asked: Position): void {
  const { id, symbol } = asked;
  const before = levels(asked);
  watch(id, {
    toast: `protect-${id}`,
    title: `Changing protection of ${symbol}`,
    message: 'Sent; waiting for the engine.',
    happened: (now) => {
      if (!now) return [`${symbol} has closed`, 'Its result is under closed trades.'];
      if (levels(now) === before) return null;
      return [`${symbol}: new levels are watched`, 'The shield says when the exchange stop has followed.'];
    },
    late: [`${symbol}: levels not changed yet`, 'The table shows those in force.'],
  });
}
