/** Exact decimals for money and quantities: an integer of units and how many of its digits are fraction. */
export interface Decimal {
  readonly units: bigint;
  readonly scale: number;
}

const TEXT = /^(-?)(\d+)(?:\.(\d+))?$/;

export const ZERO: Decimal = { units: 0n, scale: 0 };

/** Reads a decimal as the API writes it ("-12.50"); null for anything else. */
export function parse(text: string | null | undefined): Decimal | null {
  const match = text == null ? null : TEXT.exec(text);
  if (!match) return null;
  const [, sign, whole = '', fraction = ''] = match;
  const units = BigInt(whole + fraction);
  return { units: sign ? -units : units, scale: fraction.length };
}

function aligned(a: Decimal, b: Decimal): [bigint, bigint, number] {
  const scale = Math.max(a.scale, b.scale);
  return [a.units * 10n ** BigInt(scale - a.scale), b.units * 10n ** BigInt(scale - b.scale), scale];
}

export function add(a: Decimal, b: Decimal): Decimal {
  const [x, y, scale] = aligned(a, b);
  return { units: x + y, scale };
}

export function subtract(a: Decimal, b: Decimal): Decimal {
  const [x, y, scale] = aligned(a, b);
  return { units: x - y, scale };
}

export function multiply(a: Decimal, b: Decimal): Decimal {
  return { units: a.units * b.units, scale: a.scale + b.scale };
}

export function negate(a: Decimal): Decimal {
  return { units: -a.units, scale: a.scale };
}

export function sign(a: Decimal): -1 | 0 | 1 {
  return a.units > 0n ? 1 : a.units < 0n ? -1 : 0;
}

export function abs(a: Decimal): Decimal {
  return a.units < 0n ? negate(a) : a;
}

/** Integer division rounded half away from zero. */
function divideRounded(numerator: bigint, denominator: bigint): bigint {
  const negative = numerator < 0n !== denominator < 0n;
  const n = numerator < 0n ? -numerator : numerator;
  const d = denominator < 0n ? -denominator : denominator;
  const quotient = (n * 2n + d) / (d * 2n);
  return negative ? -quotient : quotient;
}

/** a / b with `scale` fraction digits; null when b is 0. */
export function divide(a: Decimal, b: Decimal, scale: number): Decimal | null {
  if (b.units === 0n) return null;
  const shift = scale + b.scale - a.scale;
  const numerator = shift >= 0 ? a.units * 10n ** BigInt(shift) : a.units;
  const denominator = shift >= 0 ? b.units : b.units * 10n ** BigInt(-shift);
  return { units: divideRounded(numerator, denominator), scale };
}

/** The same value with exactly `scale` fraction digits, rounded half away from zero. */
export function rescale(a: Decimal, scale: number): Decimal {
  if (scale >= a.scale) return { units: a.units * 10n ** BigInt(scale - a.scale), scale };
  return { units: divideRounded(a.units, 10n ** BigInt(a.scale - scale)), scale };
}

/** Plain text, as the API wants it: no separators, no exponent, no trailing zeros. */
export function plain(a: Decimal): string {
  const text = fixed(a, a.scale);
  const trimmed = text.includes('.') ? text.replace(/\.?0+$/, '') : text;
  return trimmed === '-0' ? '0' : trimmed;
}

function fixed(a: Decimal, scale: number): string {
  const { units } = rescale(a, scale);
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  return `${units < 0n ? '-' : ''}${whole}${scale > 0 ? `.${digits.slice(digits.length - scale)}` : ''}`;
}

/** With thousands separators and a real minus sign: "−1,234.50". */
export function grouped(a: Decimal, scale: number): string {
  const [whole = '', fraction] = fixed(a, scale).replace('-', '').split('.');
  const separated = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  const minus = rescale(a, scale).units < 0n ? '−' : '';
  return `${minus}${separated}${fraction === undefined ? '' : `.${fraction}`}`;
}
