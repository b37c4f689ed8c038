import { describe, expect, it } from 'vitest';
import { add, divide, grouped, multiply, parse, plain, rescale, subtract, ZERO } from './decimal';

const d = (text: string) => parse(text) ?? ZERO;

describe('decimals', () => {
  it.each(['', 'NaN', '1e5', '1.', '.5', '--1', ' 1'])('refuses %j', (text) => {
    expect(parse(text)).toBeNull();
  });

  it.each([
    ['0.1', '0.2', '0.3'],
    ['-1.005', '0.005', '-1'],
    ['99999999999999999999.99', '0.01', '100000000000000000000'],
  ])('adds %s and %s exactly', (a, b, sum) => {
    expect(plain(add(d(a), d(b)))).toBe(sum);
  });

  it('keeps what a float would lose', () => {
    expect(plain(multiply(subtract(d('65000.3'), d('65000.1')), d('0.003')))).toBe('0.0006');
  });

  it.each([
    ['1', '3', 2, '0.33'],
    ['2', '3', 2, '0.67'],
    ['-2', '3', 2, '-0.67'],
    ['1.2345', '0.5', 0, '2'],
  ])('divides %s by %s', (a, b, scale, result) => {
    const quotient = divide(d(a), d(b), scale);
    expect(quotient && plain(quotient)).toBe(result);
  });

  it('does not divide by zero', () => {
    expect(divide(d('1'), ZERO, 2)).toBeNull();
  });

  it.each([
    ['0.005', 2, '0.01'],
    ['-0.005', 2, '-0.01'],
    ['0.0049', 2, '0'],
  ])('rounds %s half away from zero', (text, scale, result) => {
    expect(plain(rescale(d(text), scale))).toBe(result);
  });

  it.each([
    ['1234567.891', 2, '1,234,567.89'],
    ['-1234.5', 2, '−1,234.50'],
    ['-0.001', 2, '0.00'],
    ['0', 0, '0'],
    ['999', 0, '999'],
  ])('shows %s with %i decimals', (text, scale, shown) => {
    expect(grouped(d(text), scale)).toBe(shown);
  });
});
