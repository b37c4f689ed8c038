import type { NewStrategy, OnOpposite, PriceSource, SizingMode, Strategy, StrategyChange } from '@/api/types';
import { parse } from '@/shared/decimal';
import { type Span, secondsOf, spanOf } from '@/shared/span';

/** A strategy as its form holds it: texts as they are written, empty where nothing is set. */
export interface Values {
  account_id: string;
  name: string;
  symbols: string[];
  sizing: { mode: SizingMode; value: string };
  leverage: string;
  margin_mode: Strategy['margin_mode'];
  max_age_s: string;
  on_opposite: OnOpposite;
  max_entries: string;
  entry: { kind: 'market' | 'limit'; at: string; expires_s: string; post_only: boolean };
  protection: {
    stop_loss: string;
    take_profit: { at: string; portion: string }[];
    trailing: { distance: string; activation: string };
    break_even: { trigger: string; offset: string };
    resident_gap: string;
    time_exit: Span;
    trigger_by: PriceSource;
  };
}

export const FIELDS = [
  'account_id',
  'name',
  'symbols',
  'sizing.value',
  'sizing.mode',
  'sizing',
  'leverage',
  'margin_mode',
  'max_age_s',
  'on_opposite',
  'max_entries',
  'entry.at',
  'entry.expires_s',
  'entry.post_only',
  'protection.stop_loss',
  'protection.trailing.distance',
  'protection.trailing.activation',
  'protection.break_even.trigger',
  'protection.break_even.offset',
  'protection.resident_gap',
];

export const newValues = (accountId: string): Values => ({
  account_id: accountId,
  name: '',
  symbols: [],
  sizing: { mode: 'quote', value: '100' },
  leverage: '1',
  margin_mode: 'any',
  max_age_s: '30',
  on_opposite: 'reverse',
  max_entries: '1',
  entry: { kind: 'market', at: '0.1%', expires_s: '60', post_only: false },
  protection: {
    stop_loss: '1.5%',
    take_profit: [],
    trailing: { distance: '', activation: '' },
    break_even: { trigger: '', offset: '0%' },
    resident_gap: '0.5%',
    time_exit: { amount: '', unit: 'hours' },
    trigger_by: 'last',
  },
});

export function valuesOf(strategy: Strategy): Values {
  const { protection, entry } = strategy;
  const usual = newValues(strategy.account_id);
  return {
    account_id: strategy.account_id,
    name: strategy.name,
    symbols: strategy.symbols,
    sizing: strategy.sizing,
    leverage: strategy.leverage,
    margin_mode: strategy.margin_mode,
    max_age_s: String(strategy.max_age_s),
    on_opposite: strategy.on_opposite,
    max_entries: String(strategy.max_entries),
    entry: {
      kind: entry.kind,
      at: entry.at ?? usual.entry.at,
      expires_s: String(entry.expires_s),
      post_only: entry.post_only ?? false,
    },
    protection: {
      stop_loss: protection.stop_loss ?? '',
      take_profit: (protection.take_profit ?? []).map(({ at, portion = '100%' }) => ({ at, portion })),
      trailing: {
        distance: protection.trailing?.distance ?? '',
        activation: protection.trailing?.activation ?? '',
      },
      break_even: {
        trigger: protection.break_even?.trigger ?? '',
        offset: protection.break_even?.offset ?? '0%',
      },
      resident_gap: protection.resident_gap ?? usual.protection.resident_gap,
      time_exit: spanOf(protection.time_exit_s),
      trigger_by: protection.trigger_by ?? usual.protection.trigger_by,
    },
  };
}

function protectionOf({ protection }: Values): NewStrategy['protection'] {
  const { trailing, break_even, time_exit } = protection;
  return {
    stop_loss: protection.stop_loss.trim() || null,
    take_profit: protection.take_profit.map(({ at, portion }) => ({
      at: at.trim(),
      portion: portion.trim(),
    })),
    trailing: trailing.distance.trim()
      ? { distance: trailing.distance.trim(), activation: trailing.activation.trim() || null }
      : null,
    break_even: break_even.trigger.trim()
      ? { trigger: break_even.trigger.trim(), offset: break_even.offset.trim() || '0%' }
      : null,
    resident_gap: protection.resident_gap.trim(),
    time_exit_s: secondsOf(time_exit),
    trigger_by: protection.trigger_by,
  };
}

function settingsOf(values: Values) {
  const { kind, at, expires_s, post_only } = values.entry;
  return {
    name: values.name.trim(),
    symbols: values.symbols,
    sizing: { mode: values.sizing.mode, value: values.sizing.value.trim() },
    leverage: values.leverage.trim(),
    margin_mode: values.margin_mode,
    max_age_s: Number(values.max_age_s),
    on_opposite: values.on_opposite,
    max_entries: Number(values.max_entries),
    entry:
      kind === 'market'
        ? { kind, expires_s: 60, post_only: false }
        : { kind, at: at.trim(), expires_s: Number(expires_s), post_only },
    protection: protectionOf(values),
  };
}

export const toRequest = (values: Values): NewStrategy => ({
  account_id: values.account_id,
  ...settingsOf(values),
});

/** All settings together; the account of a strategy stays. */
export const toChange = (values: Values): StrategyChange => settingsOf(values);

const MARK = /^\d+(\.\d+)?\s*%?$/;
const SHARE = /^\d+(\.\d+)?\s*%$/;

const positive = (text: string) => (parse(text.trim())?.units ?? 0n) > 0n;
const whole = (text: string, least: number, most: number) =>
  /^\d+$/.test(text.trim()) && Number(text) >= least && Number(text) <= most;
const markOrNothing = (text: string) =>
  !text.trim() || MARK.test(text.trim()) ? null : 'A distance like 1.5% or a price like 64000.';

/** What can be told before asking the server; null where nothing is wrong. */
export const validation = {
  name: (text: string) => (text.trim() ? null : 'Give it a name.'),
  symbols: (symbols: string[]) => (symbols.length > 0 ? null : 'Name at least one symbol, like BTCUSDT.'),
  sizing: { value: (text: string) => (positive(text) ? null : 'Enter a number above 0.') },
  leverage: (text: string) =>
    positive(text) && Number(text) >= 1 && Number(text) <= 100 ? null : 'From 1 to 100.',
  max_age_s: (text: string) => (whole(text, 1, 3600) ? null : 'From 1 to 3600 seconds.'),
  max_entries: (text: string) => (whole(text, 1, 100) ? null : 'From 1 to 100.'),
  entry: {
    at: (text: string, { entry }: Values) =>
      entry.kind === 'market' || SHARE.test(text.trim()) ? null : 'A distance like 0.2%.',
    expires_s: (text: string, { entry }: Values) =>
      entry.kind === 'market' || whole(text, 1, 86_400) ? null : 'From 1 to 86400 seconds.',
  },
  protection: {
    stop_loss: (text: string, { sizing }: Values) => {
      if (!text.trim()) return sizing.mode === 'risk_pct' ? 'Sizing by risk needs a stop-loss.' : null;
      return markOrNothing(text);
    },
    take_profit: {
      at: (text: string) => (MARK.test(text.trim()) ? null : 'Like 3% or 72000.'),
      portion: (text: string) => (SHARE.test(text.trim()) ? null : 'Like 50%.'),
    },
    trailing: {
      distance: (text: string, { protection }: Values) =>
        !text.trim() && protection.trailing.activation.trim()
          ? 'How far behind the best price?'
          : markOrNothing(text),
      activation: markOrNothing,
    },
    break_even: {
      trigger: markOrNothing,
      offset: (text: string) => (!text.trim() || SHARE.test(text.trim()) ? null : 'A share like 0.1%.'),
    },
    resident_gap: (text: string) => (SHARE.test(text.trim()) ? null : 'A share like 0.5%.'),
    time_exit: {
      amount: (text: string) => (!text.trim() || positive(text) ? null : 'A number above 0, or nothing.'),
    },
  },
};

/** The share of the position the ladder does not close yet: "50%". */
export function remaining(rungs: Values['protection']['take_profit']): string {
  const used = rungs.reduce((sum, { portion }) => sum + Number.parseFloat(portion || '0'), 0);
  return `${Math.max(0, Math.round((100 - used) * 100) / 100)}%`;
}
