import { useComputedColorScheme } from '@mantine/core';
import {
  AreaSeries,
  createChart,
  type IChartApi,
  type ISeriesApi,
  type UTCTimestamp,
} from 'lightweight-charts';
import { useEffect, useRef } from 'react';
import { chartOptions, colours } from '@/shared/chart/look';

export interface EquityDot {
  /** Seconds since 1970. */
  time: number;
  value: number;
}

function paint(chart: IChartApi, series: ISeriesApi<'Area'>) {
  const { accent } = colours();
  chart.applyOptions(chartOptions());
  series.applyOptions({
    lineColor: accent,
    topColor: `${accent}44`,
    bottomColor: `${accent}05`,
    lineWidth: 2,
    priceFormat: { type: 'price', precision: 2, minMove: 0.01 },
  });
}

/** The drawing of the equity curve; loaded when it is first needed. */
export default function EquityChart({ dots, label }: { dots: readonly EquityDot[]; label: string }) {
  const host = useRef<HTMLDivElement>(null);
  const drawn = useRef<{ chart: IChartApi; series: ISeriesApi<'Area'> } | null>(null);
  const scheme = useComputedColorScheme();

  useEffect(() => {
    if (!host.current) return;
    const chart = createChart(host.current, { ...chartOptions(), handleScale: false, handleScroll: false });
    const series = chart.addSeries(AreaSeries);
    drawn.current = { chart, series };
    return () => {
      drawn.current = null;
      chart.remove();
    };
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the scheme is read from the page's style
  useEffect(() => {
    if (drawn.current) paint(drawn.current.chart, drawn.current.series);
  }, [scheme]);
  useEffect(() => {
    drawn.current?.series.setData(dots.map((dot) => ({ ...dot, time: dot.time as UTCTimestamp })));
    drawn.current?.chart.timeScale().fitContent();
  }, [dots]);

  return (
    // biome-ignore lint/a11y/useSemanticElements: a drawing, not a set of form fields
    <div ref={host} role="group" aria-label={label} style={{ height: '100%' }} data-testid="equity-chart" />
  );
}
