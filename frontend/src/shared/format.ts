import { type Decimal, grouped, parse, rescale, sign } from './decimal';

/** Shown where a value is not known. */
export const UNKNOWN = '—';

type Value = string | Decimal | null | undefined;

const read = (value: Value): Decimal | null => (typeof value === 'string' ? parse(value) : (value ?? null));

/** A price or quantity with its own precision: "65,123.50". */
export function number(value: Value): string {
  const decimal = read(value);
  return decimal ? grouped(decimal, decimal.scale) : UNKNOWN;
}

/** A price with at least `decimals` digits, so that columns do not jitter, and at most `most`. */
export function price(value: Value, decimals: number, most = 8): string {
  const decimal = read(value);
  return decimal ? grouped(decimal, Math.max(decimals, Math.min(decimal.scale, most))) : UNKNOWN;
}

/** Money with two decimals, unsigned unless negative: "1,204.10". */
export function money(value: Value, decimals = 2): string {
  const decimal = read(value);
  return decimal ? grouped(decimal, decimals) : UNKNOWN;
}

/** A gain or loss, always with its sign: "+128.44", "−3.10", "0.00". */
export function signed(value: Value, decimals = 2): string {
  const decimal = read(value);
  if (!decimal) return UNKNOWN;
  return sign(rescale(decimal, decimals)) > 0 ? `+${grouped(decimal, decimals)}` : grouped(decimal, decimals);
}

export type Direction = 'profit' | 'loss' | 'flat' | 'unknown';

/** What a gain or loss is at the precision shown. */
export function direction(value: Value, decimals = 2): Direction {
  const decimal = read(value);
  if (!decimal) return 'unknown';
  const rounded = sign(rescale(decimal, decimals));
  return rounded > 0 ? 'profit' : rounded < 0 ? 'loss' : 'flat';
}

/** How many fraction digits the texts have at most. */
export function decimalsOf(...values: (string | null | undefined)[]): number {
  return values.reduce((most, value) => Math.max(most, parse(value)?.scale ?? 0), 0);
}

/** "4 s", "3 m 20 s", "2 h 5 m", "3 d 4 h". */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return seconds % 60 && minutes < 10 ? `${minutes} m ${seconds % 60} s` : `${minutes} m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} m` : `${hours} h`;
  const days = Math.floor(hours / 24);
  return hours % 24 ? `${days} d ${hours % 24} h` : `${days} d`;
}

/** A short span: "840 ms", "1.24 s", then like `duration`. */
export function latency(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 10_000 ? `${(ms / 1000).toFixed(2)} s` : duration(ms);
}

/** "45 s ago", "2 m ago", "1 h 3 m ago": no finer than a list needs. */
export function ago(then: string, now: number): string {
  const ms = now - Date.parse(then);
  if (ms < 1000) return 'just now';
  return `${duration(ms < 60_000 ? ms : Math.floor(ms / 60_000) * 60_000)} ago`;
}

const pad = (value: number, width = 2) => String(value).padStart(width, '0');

/** "UTC", "UTC+1", "UTC−3:30": how far the user's clock was from UTC at that moment. */
export function zone(date: Date): string {
  const east = -date.getTimezoneOffset();
  if (east === 0) return 'UTC';
  const minutes = Math.abs(east) % 60;
  return `UTC${east > 0 ? '+' : '−'}${Math.floor(Math.abs(east) / 60)}${minutes ? `:${pad(minutes)}` : ''}`;
}

/** "2026-11-24 14:05:09 UTC+1", in the user's time zone, with milliseconds when asked. */
export function moment(iso: string, milliseconds = false): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return UNKNOWN;
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
  return `${day} ${clock(iso, milliseconds)} ${zone(date)}`;
}

/** "14:05:09", in the user's time zone. */
export function clock(iso: string, milliseconds = false): string {
  const date = new Date(iso);
  const time = `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
  return milliseconds ? `${time}.${pad(date.getMilliseconds(), 3)}` : time;
}

/** An enum's value in words: "take_profit" → "Take profit". */
export function words(value: string): string {
  const text = value.replaceAll('_', ' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}
