import { notifications } from '@mantine/notifications';
import type { Position } from '@/api/types';
import { live } from '@/live/store';

const PATIENCE_MS = 20_000;

/** Tells what became of a command: sent, then filled, or that it is still on its way. */
export function follow(kind: 'close' | 'reverse', asked: Position, percent: number): void {
  const { id, symbol, side, qty } = asked;
  const what = kind === 'close' && percent < 100 ? `${percent} % of ${symbol} ${side}` : `${symbol} ${side}`;
  const toast = `follow-${id}`;
  notifications.show({
    id: toast,
    loading: true,
    autoClose: false,
    withCloseButton: true,
    title: `${kind === 'close' ? 'Closing' : 'Reversing'} ${what}`,
    message: 'Sent; waiting for the fill.',
  });

  function end(title: string, message: string) {
    clearTimeout(patience);
    unsubscribe();
    notifications.update({ id: toast, loading: false, autoClose: 5000, title, message });
  }
  const unsubscribe = live.subscribe(({ positions }) => {
    const now = positions[id];
    if (now && now.qty === qty && now.side === side) return;
    if (kind === 'close')
      end(`Closed ${what}`, now ? `${now.qty} left open.` : 'The result is under closed trades.');
    else end(`${symbol} ${side} closed`, 'The other side opens next.');
  });
  const patience = setTimeout(
    () => end(`${what}: not filled yet`, "The position's status in the table tells how it goes on."),
    PATIENCE_MS,
  );
}
