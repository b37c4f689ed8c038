import {
  type CandlestickData,
  CandlestickSeries,
  createChart,
  createSeriesMarkers,
  type IChartApi,
  type IPriceLine,
  type ISeriesApi,
  type ISeriesMarkersPluginApi,
  LineStyle,
  type Time,
  type UTCTimestamp,
} from 'lightweight-charts';
import { chartOptions, colours } from '@/shared/chart/look';
import { makeDraggable } from './drag';

export type LineTone = 'entry' | 'stop' | 'target' | 'resident';

export interface ChartLine {
  id: string;
  title: string;
  price: number;
  tone: LineTone;
  draggable: boolean;
  /** Not in force: moved here, but not sent. */
  draft: boolean;
}

export interface ChartFill {
  /** Seconds since 1970. */
  at: number;
  side: 'buy' | 'sell';
  text: string;
}

export interface ChartCandle {
  /** Seconds since 1970. */
  time: number;
  open: number;
  high: number;
  low: number;
  close: number;
}

/** Candles drawn at first, and the room left for those to come. */
const IN_VIEW = 110;
const ROOM = 8;

interface Listener {
  onMove: (id: string, price: number) => void;
}

/** A candle chart of one position: its levels can be dragged, its fills are marked. Numbers here are for drawing only. */
export class PriceChart {
  private readonly chart: IChartApi;
  private readonly series: ISeriesApi<'Candlestick'>;
  private readonly markers: ISeriesMarkersPluginApi<Time>;
  private readonly endDragging: () => void;
  private drawn = new Map<string, IPriceLine>();
  private lines: readonly ChartLine[] = [];
  private fills: readonly ChartFill[] = [];
  private picked: string | null = null;
  private step = 300;
  private last: CandlestickData | null = null;

  constructor(host: HTMLElement, { onMove }: Listener) {
    this.chart = createChart(host, chartOptions());
    this.series = this.chart.addSeries(CandlestickSeries, {
      // Levels stay in view, however far from the candles.
      autoscaleInfoProvider: (
        original: () => { priceRange: { minValue: number; maxValue: number } | null } | null,
      ) => {
        const info = original();
        const prices = this.lines.map(({ price }) => price);
        if (!info?.priceRange || prices.length === 0) return info;
        const { minValue, maxValue } = info.priceRange;
        return {
          ...info,
          priceRange: {
            minValue: Math.min(minValue, ...prices),
            maxValue: Math.max(maxValue, ...prices),
          },
        };
      },
    });
    this.markers = createSeriesMarkers(this.series, []);
    this.endDragging = makeDraggable({
      host,
      chart: this.chart,
      series: this.series,
      targets: () => this.lines.filter(({ draggable }) => draggable),
      onMove,
      onPick: (id) => {
        this.picked = id;
        this.drawLines();
      },
    });
    this.paint();
  }

  /** Takes the colours of the scheme in force. */
  paint(): void {
    const { profit, loss } = colours();
    this.chart.applyOptions(chartOptions());
    this.series.applyOptions({
      upColor: profit,
      borderUpColor: profit,
      wickUpColor: profit,
      // Filled against hollow: colour is not the only sign.
      downColor: 'transparent',
      borderDownColor: loss,
      wickDownColor: loss,
    });
    this.drawLines();
    this.drawFills();
  }

  /** `step`: seconds of one candle. `decimals`: of the instrument's tick. */
  setCandles(candles: readonly ChartCandle[], step: number, decimals: number): void {
    const data = candles.map((candle) => ({ ...candle, time: candle.time as UTCTimestamp }));
    const fresh = this.step !== step || this.last === null;
    this.step = step;
    this.series.applyOptions({
      priceFormat: { type: 'price', precision: decimals, minMove: 1 / 10 ** decimals },
    });
    this.series.setData(data);
    this.last = data.at(-1) ?? null;
    this.drawFills();
    if (fresh) {
      this.chart.timeScale().setVisibleLogicalRange({ from: data.length - IN_VIEW, to: data.length + ROOM });
    }
  }

  /** The price as it is now, into the candle it belongs to. */
  tick(price: number, at: number): void {
    const time = (Math.floor(at / this.step) * this.step) as UTCTimestamp;
    if (this.last && time < Number(this.last.time)) return;
    const candle =
      this.last && this.last.time === time
        ? {
            ...this.last,
            high: Math.max(this.last.high, price),
            low: Math.min(this.last.low, price),
            close: price,
          }
        : { time, open: this.last?.close ?? price, high: price, low: price, close: price };
    this.last = candle;
    this.series.update(candle);
  }

  setLines(lines: readonly ChartLine[]): void {
    this.lines = lines;
    this.drawLines();
  }

  setFills(fills: readonly ChartFill[]): void {
    this.fills = fills;
    this.drawFills();
  }

  destroy(): void {
    this.endDragging();
    this.chart.remove();
  }

  private drawLines(): void {
    const { profit, loss, info, dimmed } = colours();
    const tones: Record<LineTone, string> = { entry: info, stop: loss, target: profit, resident: dimmed };
    const gone = new Map(this.drawn);
    for (const { id, title, price, tone, draft } of this.lines) {
      const options = {
        price,
        title,
        color: tones[tone],
        lineWidth: id === this.picked ? (3 as const) : (2 as const),
        lineStyle: draft ? LineStyle.Dashed : tone === 'resident' ? LineStyle.Dotted : LineStyle.Solid,
        axisLabelVisible: true,
      };
      const line = gone.get(id);
      if (line) line.applyOptions(options);
      else this.drawn.set(id, this.series.createPriceLine(options));
      gone.delete(id);
    }
    for (const [id, line] of gone) {
      this.series.removePriceLine(line);
      this.drawn.delete(id);
    }
  }

  private drawFills(): void {
    const { profit, loss } = colours();
    this.markers.setMarkers(
      this.fills
        .toSorted((a, b) => a.at - b.at)
        .map(({ at, side, text }) => ({
          time: (Math.floor(at / this.step) * this.step) as UTCTimestamp,
          position: side === 'buy' ? ('belowBar' as const) : ('aboveBar' as const),
          shape: side === 'buy' ? ('arrowUp' as const) : ('arrowDown' as const),
          color: side === 'buy' ? profit : loss,
          text,
        })),
    );
  }
}
