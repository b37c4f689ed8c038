import { SegmentedControl, Skeleton } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useMemo, useState } from 'react';
import { historyQuery } from '@/api/history';
import { toApiError } from '@/api/problem';
import { candlesQuery } from '@/api/queries';
import type { Interval, Position } from '@/api/types';
import { parse } from '@/shared/decimal';
import { decimalsOf, number, price } from '@/shared/format';
import { Alert } from '@/shared/ui/Alert';
import { Panel } from '@/shared/ui/Panel';
import { useDecimals } from '../cells';
import type { ProtectionDraft } from '../useProtectionDraft';
import { linesOf, snap } from './lines';
import styles from './PositionPage.module.css';

const Chart = lazy(() => import('./Chart'));

const STEPS: Record<Interval, number> = {
  '1m': 60,
  '5m': 300,
  '15m': 900,
  '1h': 3600,
  '4h': 14_400,
  '1d': 86_400,
};

/** Candles with the position's entry, levels and fills; dragging a level changes the draft, never the exchange. */
export function ChartPanel({ position, draft }: { position: Position; draft: ProtectionDraft }) {
  const [interval, setInterval] = useState<Interval>('5m');
  const query = useQuery(candlesQuery(position.id, interval));
  const fills = useInfiniteQuery(historyQuery('executions', { position_id: position.id }));
  const shown = useDecimals(position.id);
  const tick = parse(query.data?.tick_size);
  const decimals = tick ? decimalsOf(query.data?.tick_size) : shown;

  const candles = useMemo(
    () =>
      (query.data?.candles ?? []).map(({ start, open, high, low, close }) => ({
        time: Date.parse(start) / 1000,
        open: Number(open),
        high: Number(high),
        low: Number(low),
        close: Number(close),
      })),
    [query.data],
  );
  const marks = useMemo(
    () =>
      (fills.data?.pages.flatMap(({ items }) => items) ?? []).map(({ executed_at, side, qty }) => ({
        at: Date.parse(executed_at) / 1000,
        side,
        text: number(qty),
      })),
    [fills.data],
  );
  const lines = linesOf(position, draft);
  const label = `Price chart of ${position.symbol}: ${lines
    .map((line) => `${line.title} ${price(String(line.price), decimals)}`)
    .join(', ')}`;

  return (
    <Panel
      title="Chart"
      aside={
        <SegmentedControl
          size="xs"
          aria-label="Candle"
          value={interval}
          onChange={(value) => setInterval(value as Interval)}
          data={Object.keys(STEPS)}
        />
      }
    >
      {query.isError && (
        <Alert tone="warn">
          {toApiError(query.error).message} The chart draws the live price, levels and fills meanwhile.
        </Alert>
      )}
      <div className={styles.chart}>
        {query.isPending ? (
          <Skeleton className={styles.wait} radius={0} />
        ) : (
          <Suspense fallback={<Skeleton className={styles.wait} radius={0} />}>
            <Chart
              id={position.id}
              label={label}
              candles={candles}
              step={STEPS[interval]}
              decimals={decimals}
              lines={lines}
              fills={marks}
              onMove={(line, at) => {
                const text = snap(at, tick ?? { units: 1n, scale: decimals });
                if (line === 'stop') draft.setStop(text);
                else if (line.startsWith('target-')) draft.setRung(Number(line.slice(7)), { at: text });
              }}
            />
          </Suspense>
        )}
      </div>
      <p className={styles.note}>
        Drag the stop or a target (on a phone tap it first); nothing is sent before you confirm it. Charts by{' '}
        <a href="https://www.tradingview.com/" target="_blank" rel="noreferrer">
          TradingView
        </a>{' '}
        Lightweight Charts™.
      </p>
    </Panel>
  );
}
