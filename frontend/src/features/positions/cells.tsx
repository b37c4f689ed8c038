import { useEffect, useRef } from 'react';
import type { Position } from '@/api/types';
import { useLive, useServerNow } from '@/live/hooks';
import { divide, multiply, parse, subtract } from '@/shared/decimal';
import { number, price, signed, UNKNOWN } from '@/shared/format';
import { Pnl } from '@/shared/ui/Pnl';
import { Tag, type Tone } from '@/shared/ui/Tag';
import { Ago } from '@/shared/ui/Time';
import styles from './cells.module.css';

/** Each cell below follows its own value: a tick renders what changed and nothing else. */

interface Live {
  id: string;
}

export function useDecimals(id: string): number {
  return useLive((state) => state.quotes[id]?.decimals ?? 0);
}

const FLASH_EVERY_MS = 1000;

/** Tints a cell for a moment when its value moves; at most once a second, and never for those who want no motion. */
function useFlash(value: string | null) {
  const cell = useRef<HTMLSpanElement>(null);
  const previous = useRef(value);
  const flashedAt = useRef(0);
  useEffect(() => {
    const before = parse(previous.current);
    const after = parse(value);
    previous.current = value;
    const moved = before && after ? subtract(after, before).units : 0n;
    const now = performance.now();
    if (moved === 0n || now - flashedAt.current < FLASH_EVERY_MS) return;
    if (window.matchMedia('(prefers-reduced-motion: reduce)').matches) return;
    flashedAt.current = now;
    const tint = moved > 0n ? 'var(--app-profit-bg)' : 'var(--app-loss-bg)';
    cell.current?.animate?.([{ backgroundColor: tint }, { backgroundColor: 'transparent' }], {
      duration: 300,
      easing: 'ease-out',
    });
  }, [value]);
  return cell;
}

export function Last({ id }: Live) {
  const last = useLive((state) => state.quotes[id]?.last ?? null);
  const stale = useLive((state) => state.quotes[id]?.freshness !== 'fresh');
  const decimals = useDecimals(id);
  const cell = useFlash(last);
  return (
    <span
      ref={cell}
      className={`num ${styles.last}`}
      data-stale={(last !== null && stale) || undefined}
      title={last !== null && stale ? 'Older than 3 s' : undefined}
    >
      {price(last, decimals)}
    </span>
  );
}

/** Unrealised result; "—" once its price is too old to mean anything. */
export function UnrealisedPnl({ id, symbol }: Live & { symbol: string }) {
  const pnl = useLive((state) => state.quotes[id]?.pnl ?? null);
  const freshness = useLive((state) => state.quotes[id]?.freshness ?? 'gone');
  const gone = freshness === 'gone';
  const title =
    gone && pnl !== null ? `Last known ${signed(pnl)} USDT; its price is older than 30 s` : undefined;
  return (
    <Pnl
      value={gone ? null : pnl}
      stale={freshness === 'stale'}
      title={title}
      data-testid={`pnl-${symbol}`}
    />
  );
}

export function PnlPercent({ id }: Live) {
  const percent = useLive((state) => {
    const quote = state.quotes[id];
    return quote && quote.freshness !== 'gone' ? quote.pnlPercent : null;
  });
  if (percent === null) return null;
  return (
    <span className={`num ${styles.under}`} title="Of the margin used">
      {signed(percent)} %
    </span>
  );
}

/** How far the price must go to reach a level, in percent of the last price. */
export function Distance({ id, level }: Live & { level: string }) {
  const text = useLive((state) => {
    const last = parse(state.quotes[id]?.last);
    const at = parse(level);
    const share = last && at && divide(multiply(subtract(at, last), { units: 100n, scale: 0 }), last, 2);
    return share ? `${signed(share)} %` : null;
  });
  return text === null ? null : (
    <span className={`num ${styles.under}`} title="Distance from the last price">
      {text}
    </span>
  );
}

export function StopLoss({ position }: { position: Position }) {
  const decimals = useDecimals(position.id);
  if (position.stop_loss === null) return <span className={styles.none}>None</span>;
  return (
    <span className={styles.stack}>
      <span className="num">{price(position.stop_loss, decimals)}</span>
      <Distance id={position.id} level={position.stop_loss} />
    </span>
  );
}

/** The next target, and how many rungs are behind it. */
export function TakeProfits({ position }: { position: Position }) {
  const decimals = useDecimals(position.id);
  const armed = position.take_profit.filter(({ status }) => status === 'armed');
  const [next, ...later] = armed;
  const fired = position.take_profit.filter(({ status }) => status === 'fired').length;
  if (!next) {
    return (
      <span className={styles.under}>
        {fired > 0 ? `${fired} of ${position.take_profit.length} done` : UNKNOWN}
      </span>
    );
  }
  const ladder = position.take_profit
    .map(({ price: at, portion, status }) => `${portion} at ${price(at, decimals)} (${status})`)
    .join('\n');
  return (
    <span className={styles.stack} title={ladder}>
      <span className="num">
        {price(next.price, decimals)}
        {later.length > 0 && <span className={styles.more}>+{later.length}</span>}
      </span>
      <Distance id={position.id} level={next.price} />
    </span>
  );
}

const STATUS: Record<Position['status'], { tone: Tone; words: string; busy: boolean }> = {
  opening: { tone: 'info', words: 'Opening', busy: true },
  open: { tone: 'neutral', words: 'Open', busy: false },
  closing: { tone: 'warn', words: 'Closing', busy: true },
  closed: { tone: 'neutral', words: 'Closed', busy: false },
};

export function Status({ status }: { status: Position['status'] }) {
  const { tone, words, busy } = STATUS[status];
  return (
    <Tag tone={tone} dot={busy} pulse={busy}>
      {words}
    </Tag>
  );
}

export function Opened({ at }: { at: string }) {
  const now = useServerNow();
  return <Ago at={at} now={now} />;
}

/** The average entry may be finer than a tick: up to two more digits are shown. */
export function Entry({ position }: { position: Position }) {
  const decimals = useDecimals(position.id);
  return <span className="num">{price(position.entry_price, decimals, decimals + 2)}</span>;
}

export const coinOf = (symbol: string) => symbol.replace(/(USDT|USDC|PERP)$/, '');

export function Qty({ position }: { position: Position }) {
  return (
    <span className="num">
      {number(position.qty)} <span className={styles.unit}>{coinOf(position.symbol)}</span>
    </span>
  );
}
