import type { HookPolicy } from '@/api/types';
import { parse } from '@/shared/decimal';

/** A policy as its form holds it: texts as they are written, empty where there is no limit. */
export interface PolicyValues {
  symbols: string[];
  sides: string[];
  actions: string[];
  max_notional: string;
  max_per_day: string;
  max_per_minute: string;
  expires_at: string;
  sources: string[];
  certificate: boolean;
  require_signature: boolean;
}

export const POLICY_FIELDS: (keyof PolicyValues)[] = [
  'symbols',
  'sides',
  'actions',
  'max_notional',
  'max_per_day',
  'max_per_minute',
  'expires_at',
  'sources',
  'require_signature',
];

const pad = (value: number) => String(value).padStart(2, '0');

/** An instant as a `datetime-local` field writes it, in the user's zone, to the minute. */
export function toField(iso: string): string {
  const at = new Date(iso);
  const day = `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
  return `${day}T${pad(at.getHours())}:${pad(at.getMinutes())}`;
}

export const written = (policy: HookPolicy): PolicyValues => ({
  symbols: policy.symbols ?? [],
  sides: policy.sides ?? [],
  actions: policy.actions ?? [],
  max_notional: policy.max_notional ?? '',
  max_per_day: policy.max_per_day == null ? '' : String(policy.max_per_day),
  max_per_minute: String(policy.max_per_minute ?? ''),
  expires_at: policy.expires_at == null ? '' : toField(policy.expires_at),
  sources: policy.sources ?? [],
  certificate: policy.client_certificate === 'require',
  require_signature: policy.require_signature ?? false,
});

export const toPolicy = (values: PolicyValues): HookPolicy => ({
  symbols: values.symbols,
  sides: values.sides as HookPolicy['sides'] & string[],
  actions: values.actions as HookPolicy['actions'] & string[],
  max_notional: values.max_notional.trim() || null,
  max_per_day: values.max_per_day.trim() ? Number(values.max_per_day) : null,
  max_per_minute: Number(values.max_per_minute),
  expires_at: values.expires_at ? new Date(values.expires_at).toISOString() : null,
  sources: values.sources,
  client_certificate: values.certificate ? 'require' : 'observe',
  require_signature: values.require_signature,
});

const whole = (text: string, most: number) =>
  /^\d+$/.test(text.trim()) && Number(text) >= 1 && Number(text) <= most;

/** What can be told before asking the server; null where nothing is wrong. */
export const validation = {
  max_notional: (text: string) =>
    !text.trim() || (parse(text.trim())?.units ?? 0n) > 0n ? null : 'A number above 0, or nothing.',
  max_per_day: (text: string) =>
    !text.trim() || whole(text, 100_000) ? null : 'From 1 to 100000, or nothing.',
  max_per_minute: (text: string) => (whole(text, 6000) ? null : 'From 1 to 6000.'),
};
