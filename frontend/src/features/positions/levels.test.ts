import { describe, expect, it } from 'vitest';
import { parse, plain } from '@/shared/decimal';
import { position } from '@/test/samples';
import { isReached, leftOpen, levelPrice, protectionChange, resultAt, rewardToRisk } from './levels';

const long = position();
const short = position({ side: 'short', stop_loss: '66000' });
const at = (text: string, of = long, kind: 'stop' | 'target' = 'stop') => {
  const price = levelPrice(text, of, kind, 1);
  return price && plain(price);
};
const decimal = (text: string) => parse(text) ?? { units: 0n, scale: 0 };

describe('where a level lies', () => {
  it('is the price written, or the distance from entry on the right side', () => {
    expect(at('64000.5')).toBe('64000.5');
    expect(at('1.5%')).toBe('64025');
    expect(at('2 %', long, 'target')).toBe('66300');
    expect(at('1.5%', short)).toBe('65975');
    expect(at('2%', short, 'target')).toBe('63700');
  });

  it.each(['', '-1', '0', '1e5', 'abc', '0%', '-2%'])('is nowhere for "%s"', (text) => {
    expect(at(text)).toBeNull();
  });

  it('counts as reached once the price is on it', () => {
    expect(isReached(decimal('64000'), decimal('64000'), long, 'stop')).toBe(true);
    expect(isReached(decimal('64000'), decimal('64000.1'), long, 'stop')).toBe(false);
    expect(isReached(decimal('66000'), decimal('65999'), long, 'target')).toBe(false);
    expect(isReached(decimal('66000'), decimal('66001'), short, 'stop')).toBe(true);
    expect(isReached(decimal('63000'), decimal('62999'), short, 'target')).toBe(true);
  });
});

describe('what a level brings', () => {
  it('is exact and signed', () => {
    const result = (level: string, share: string, of = long) => {
      const value = resultAt(of, parse(level), parse(share));
      return value && plain(value);
    };
    expect(result('64025', '1')).toBe('-19.5');
    expect(result('66950', '0.5')).toBe('19.5');
    expect(result('66000', '1', short)).toBe('-20');
  });

  it('is set against the risk', () => {
    expect(rewardToRisk(long, parse('64000'), parse('67000'))).toBe('2');
    expect(rewardToRisk(long, parse('65500'), parse('67000'))).toBeNull();
    expect(rewardToRisk(short, parse('66000'), parse('63500'))).toBe('1.5');
  });
});

describe('the change asked for', () => {
  const rungs = [{ at: '66950', portion: '50%' }];

  it('names only what differs', () => {
    expect(protectionChange(long, '64025.0', rungs)).toBeNull();
    expect(protectionChange(long, ' 64100 ', rungs)).toEqual({ stop_loss: '64100' });
    expect(protectionChange(long, '64025', [])).toEqual({ take_profit: [] });
    expect(protectionChange(long, '1%', [...rungs, { at: '3%', portion: '50%' }])).toEqual({
      stop_loss: '1%',
      take_profit: [
        { at: '66950', portion: '50%' },
        { at: '3%', portion: '50%' },
      ],
    });
  });

  it('leaves targets alone that were reached', () => {
    const partly = position({
      take_profit: [
        { price: '66000', portion: '50%', status: 'fired' },
        { price: '66950', portion: '50%', status: 'armed' },
      ],
    });
    expect(protectionChange(partly, '64025', rungs)).toBeNull();
  });

  it('knows what a ladder leaves open', () => {
    expect(plain(leftOpen(rungs))).toBe('50');
    expect(plain(leftOpen([...rungs, { at: '1', portion: '33.3%' }]))).toBe('16.7');
    expect(plain(leftOpen([...rungs, { at: '1', portion: '60%' }]))).toBe('-10');
  });
});
