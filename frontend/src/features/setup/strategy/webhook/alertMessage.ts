/** Kinds of alert a TradingView alert can send, as the native dialect says them. */
export const ALERT_KINDS = {
  strategy: {
    label: 'Strategy script',
    hint: "For a strategy's order alerts: follows the position the script holds.",
  },
  buy: { label: 'Buy', hint: 'For an indicator alert that opens a long.' },
  sell: { label: 'Sell', hint: 'For an indicator alert that opens a short.' },
  close: { label: 'Close', hint: 'For an indicator alert that closes whatever is open.' },
} as const;

export type AlertKind = keyof typeof ALERT_KINDS;

export const SECRET_PLACEHOLDER = 'YOUR_WEBHOOK_SECRET';

/** What one alert says differently from its strategy; empty is as the strategy has it. */
export interface Extras {
  qty: string;
  stop_loss: string;
  take_profit: string;
  trailing: string;
}
export const NO_EXTRAS: Extras = { qty: '', stop_loss: '', take_profit: '', trailing: '' };

/** Whether an alert of this kind opens, so that it can say how. */
export const opens = (kind: AlertKind) => kind !== 'close';

/** The message to paste into TradingView; `{{…}}` is filled in there when the alert fires. */
export function alertMessage(kind: AlertKind, secret: string, extras: Extras = NO_EXTRAS): string {
  const wish =
    kind === 'strategy'
      ? {
          action: 'target',
          symbol: '{{ticker}}',
          position: '{{strategy.market_position}}',
          prev_position: '{{strategy.prev_market_position}}',
        }
      : { action: kind, symbol: '{{ticker}}' };
  const said = opens(kind)
    ? Object.fromEntries(
        Object.entries(extras)
          .map(([name, value]) => [name, value.trim()])
          .filter(([, value]) => value),
      )
    : {};
  return JSON.stringify({ secret, ...wish, ...said, time: '{{timenow}}' }, null, 2);
}

/** What TradingView would put in, for a moment at which the script has just gone long. */
export function samplesFor(symbol: string, now: number): Record<string, string> {
  return {
    ticker: `${symbol}.P`,
    timenow: new Date(Math.floor(now / 1000) * 1000).toISOString().replace('.000', ''),
    'strategy.market_position': 'long',
    'strategy.prev_market_position': 'flat',
    'strategy.order.contracts': '0.05',
    'strategy.order.action': 'buy',
    'strategy.order.id': 'Long',
    close: '64000',
    exchange: 'BYBIT',
    interval: '15',
  };
}

/** The message as it would arrive, and the placeholders nobody would fill in. */
export function preview(
  message: string,
  samples: Record<string, string>,
): { text: string; unknown: string[] } {
  const unknown: string[] = [];
  const text = message.replace(/\{\{\s*([^{}]+?)\s*\}\}/g, (whole, name: string) => {
    const sample = samples[name];
    if (sample === undefined) unknown.push(whole);
    return sample ?? whole;
  });
  return { text, unknown };
}
