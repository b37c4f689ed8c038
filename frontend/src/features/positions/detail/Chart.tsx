import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useEffectEvent, useRef } from 'react';
import { live } from '@/live/store';
import { type ChartCandle, type ChartFill, type ChartLine, PriceChart } from './priceChart';

interface ChartProps {
  /** Of the position whose price moves the last candle. */
  id: string;
  label: string;
  candles: readonly ChartCandle[];
  /** Seconds of one candle. */
  step: number;
  decimals: number;
  lines: readonly ChartLine[];
  fills: readonly ChartFill[];
  onMove: (id: string, price: number) => void;
}

/** The drawing; loaded when it is first needed. Levels are set by keyboard in the form beside it. */
export default function Chart({ id, label, candles, step, decimals, lines, fills, onMove }: ChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<PriceChart | null>(null);
  const scheme = useComputedColorScheme();
  const moved = useEffectEvent(onMove);

  useEffect(() => {
    if (!host.current) return;
    const made = new PriceChart(host.current, { onMove: (line, price) => moved(line, price) });
    chart.current = made;
    return () => {
      chart.current = null;
      made.destroy();
    };
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the scheme is read from the page's style
  useEffect(() => chart.current?.paint(), [scheme]);
  useEffect(() => chart.current?.setCandles(candles, step, decimals), [candles, step, decimals]);
  useEffect(() => chart.current?.setLines(lines), [lines]);
  useEffect(() => chart.current?.setFills(fills), [fills]);
  useEffect(() => {
    const draw = () => {
      const { quotes, clockOffset } = live.getState();
      const quote = quotes[id];
      if (quote?.last && quote.freshness === 'fresh') {
        chart.current?.tick(Number(quote.last), (Date.now() + clockOffset) / 1000);
      }
    };
    draw();
    let before = live.getState().quotes[id]?.last;
    return live.subscribe(({ quotes }) => {
      const last = quotes[id]?.last;
      if (last === before) return;
      before = last;
      draw();
    });
  }, [id]);

  return (
    // biome-ignore lint/a11y/useSemanticElements: a drawing, not a set of form fields
    <div ref={host} role="group" aria-label={label} data-testid="price-chart" style={{ height: '100%' }} />
  );
}
