import { afterEach, describe, expect, it, vi } from 'vitest';
import { ago, decimalsOf, direction, duration, latency, moment, price, signed, words } from './format';

describe('what is shown', () => {
  it.each([
    ['128.444', '+128.44'],
    ['-3.1', '−3.10'],
    ['0.001', '0.00'],
    ['-0.004', '0.00'],
    [null, '—'],
  ])('a result of %s always carries its sign', (value, shown) => {
    expect(signed(value)).toBe(shown);
  });

  it('is flat where the digits shown are', () => {
    expect(direction('0.004')).toBe('flat');
    expect(direction('-0.005')).toBe('loss');
    expect(direction(null)).toBe('unknown');
  });

  it('prices keep the width of their neighbours', () => {
    expect(price('65000', decimalsOf('65000', '64025.5'))).toBe('65,000.0');
    expect(price('1.23456789', 2, 4)).toBe('1.2346');
  });

  it.each([
    [4_200, '4 s'],
    [200_000, '3 m 20 s'],
    [3_900_000, '1 h 5 m'],
    [273_600_000, '3 d 4 h'],
  ])('%i ms is %s', (ms, shown) => {
    expect(duration(ms)).toBe(shown);
  });

  it('spans and moments', () => {
    expect(latency(840)).toBe('840 ms');
    expect(latency(1240)).toBe('1.24 s');
    expect(ago('2026-11-24T10:00:00Z', Date.parse('2026-11-24T10:02:31Z'))).toBe('2 m ago');
    expect(moment('2026-11-24T10:00:00.012Z', true)).toBe('2026-11-24 10:00:00.012 UTC');
    expect(words('take_profit')).toBe('Take profit');
  });
});

describe('a moment', () => {
  afterEach(() => vi.unstubAllEnvs());

  it.each([
    ['UTC', '2026-11-24 18:45:00 UTC'],
    ['Asia/Kolkata', '2026-11-25 00:15:00 UTC+5:30'],
    ['America/St_Johns', '2026-11-24 15:15:00 UTC−3:30'],
  ])("is told in the user's zone, %s", (name, shown) => {
    vi.stubEnv('TZ', name);
    expect(moment('2026-11-24T18:45:00Z')).toBe(shown);
  });
});
