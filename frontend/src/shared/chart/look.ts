import { ColorType, CrosshairMode, type DeepPartial, type TimeChartOptions } from 'lightweight-charts';

/** The page's colours, as the colour scheme in force has them. */
export function colours() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(`--app-${name}`).trim() || '#888888';
  return {
    panel: colour('panel'),
    text: colour('text'),
    dimmed: colour('dimmed'),
    border: colour('border'),
    strong: colour('border-strong'),
    profit: colour('profit'),
    loss: colour('loss'),
    accent: colour('accent'),
    info: colour('info'),
    warn: colour('warn'),
    neutral: colour('neutral'),
  };
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const moment = new Intl.DateTimeFormat(undefined, {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
});

/** Seconds since 1970, in the user's time zone; midnight shows as its day. */
function tick(seconds: number): string {
  const at = new Date(seconds * 1000);
  return at.getHours() === 0 && at.getMinutes() === 0 ? day.format(at) : clock.format(at);
}

/** What all charts share. */
export function chartOptions(): DeepPartial<TimeChartOptions> {
  const { panel, dimmed, border, strong } = colours();
  return {
    autoSize: true,
    layout: {
      background: { type: ColorType.Solid, color: panel },
      textColor: dimmed,
      fontFamily: 'Inter, system-ui, sans-serif',
      fontSize: 12,
      // The page names the library in words.
      attributionLogo: false,
    },
    grid: { vertLines: { color: border }, horzLines: { color: border } },
    rightPriceScale: { borderColor: border },
    timeScale: {
      borderColor: border,
      timeVisible: true,
      secondsVisible: false,
      tickMarkFormatter: (time: unknown) => tick(Number(time)),
    },
    crosshair: {
      mode: CrosshairMode.Normal,
      vertLine: { color: strong, labelBackgroundColor: strong },
      horzLine: { color: strong, labelBackgroundColor: strong },
    },
    localization: { timeFormatter: (time: unknown) => moment.format(new Date(Number(time) * 1000)) },
  };
}
