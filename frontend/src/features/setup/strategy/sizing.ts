import type { NewStrategy, SizingMode } from '@/api/types';
import { number } from '@/shared/format';

export const SIZING: Record<SizingMode, { label: string; unit: string; hint: string }> = {
  qty: { label: 'Quantity', unit: 'coins', hint: 'Each position has this many coins, e.g. 0.01 BTC.' },
  quote: {
    label: 'Amount in USDT',
    unit: 'USDT',
    hint: 'Each position is worth this much, whatever the leverage.',
  },
  equity_pct: {
    label: '% of equity',
    unit: '% of equity',
    hint: 'Each position is worth this share of the account; 100 means its whole equity, without leverage.',
  },
  risk_pct: {
    label: '% at risk',
    unit: '% at risk',
    hint: 'The quantity is chosen so that a hit stop-loss costs this share of the equity. Needs a stop-loss.',
  },
};

export const sizingWords = ({ mode, value }: NewStrategy['sizing']) =>
  `${number(value)} ${SIZING[mode].unit}`;
