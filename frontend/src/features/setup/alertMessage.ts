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

/** The message to paste into TradingView; `{{…}}` is filled in there when the alert fires. */
export function alertMessage(kind: AlertKind, secret: string): string {
  const wish =
    kind === 'strategy'
      ? {
          action: 'target',
          symbol: '{{ticker}}',
          position: '{{strategy.market_position}}',
          prev_position: '{{strategy.prev_market_position}}',
        }
      : { action: kind, symbol: '{{ticker}}' };
  return JSON.stringify({ secret, ...wish, time: '{{timenow}}' }, null, 2);
}
