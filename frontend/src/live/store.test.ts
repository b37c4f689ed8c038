import { beforeEach, describe, expect, it, vi } from 'vitest';
import { account, position } from '@/test/samples';
import {
  flushPrices,
  live,
  mergePositions,
  putEnvironments,
  putPosition,
  putPrices,
  replacePositions,
  tick,
} from './store';

const now = () => Date.now();

function prices(last: string, { age = 0, symbol = 'BTCUSDT', environment = 'simulator' } = {}) {
  putPrices([{ symbol, environment, last, mark: last, ts: now() - age }], now());
  flushPrices();
}

function later(ms: number) {
  vi.setSystemTime(now() + ms);
  tick();
}

const quote = (id = 'p1') => live.getState().quotes[id];

beforeEach(() => {
  vi.useFakeTimers();
  putEnvironments({ [account().id]: 'simulator' });
  replacePositions([position()]);
});

describe('results at the live price', () => {
  it('is sign × (last − entry) × quantity, exactly', () => {
    prices('65100.1');
    expect(quote()?.pnl).toBe('2.002');
    replacePositions([position({ side: 'short' })]);
    expect(quote()?.pnl).toBe('-2.002');
  });

  it('is also given in percent of the margin', () => {
    prices('65650');
    expect(quote()?.pnlPercent).toBe('5');
  });

  it('takes the price of its own environment only', () => {
    prices('99999', { environment: 'mainnet' });
    expect(quote()?.last).toBeNull();
  });

  it('shows what the server computed until the first price comes', () => {
    replacePositions([position({ unrealised_pnl: '1.5' })]);
    expect(quote()?.pnl).toBe('1.5');
    prices('65000');
    expect(quote()?.pnl).toBe('0');
  });

  it('adds up to the total', () => {
    replacePositions([
      position(),
      position({ id: 'p2', symbol: 'ETHUSDT', side: 'short', qty: '1', entry_price: '3000' }),
    ]);
    prices('65050');
    prices('3010.5', { symbol: 'ETHUSDT' });
    expect(live.getState().total).toEqual({ pnl: '-9.5', open: 2, unknown: 0, stale: false });
  });

  it('keeps the last of many prices and never an older one', () => {
    prices('65100');
    putPrices(
      [{ symbol: 'BTCUSDT', environment: 'simulator', last: '1', mark: '1', ts: now() - 5000 }],
      now(),
    );
    flushPrices();
    expect(quote()?.last).toBe('65100');
  });

  it('does not render a cell whose value did not change', () => {
    replacePositions([position(), position({ id: 'p2', symbol: 'ETHUSDT' })]);
    prices('65100');
    const before = quote('p2');
    prices('65200');
    expect(quote('p2')).toBe(before);
  });
});

describe('staleness', () => {
  it('is fresh for 3 s, stale until 30 s, then gone and out of the total', () => {
    prices('65100');
    expect(quote()?.freshness).toBe('fresh');
    later(3100);
    expect(quote()?.freshness).toBe('stale');
    expect(live.getState().total).toMatchObject({ pnl: '2', stale: true });
    later(27_000);
    expect(quote()?.freshness).toBe('gone');
    expect(live.getState().total).toMatchObject({ pnl: null, unknown: 1 });
    prices('65200');
    expect(quote()?.freshness).toBe('fresh');
  });

  it('counts how old a price already was when it came', () => {
    prices('65100', { age: 2500 });
    expect(quote()?.freshness).toBe('fresh');
    later(600);
    expect(quote()?.freshness).toBe('stale');
  });

  it('does not depend on the browser clock being right', () => {
    const server = now() + 3_600_000;
    putPrices(
      [{ symbol: 'BTCUSDT', environment: 'simulator', last: '65100', mark: '65100', ts: server - 50 }],
      server,
    );
    flushPrices();
    expect(quote()?.freshness).toBe('fresh');
  });
});

describe('positions', () => {
  it('leave when they close and are not brought back by an older list', () => {
    putPosition(position({ status: 'closed' }));
    mergePositions([position()]);
    expect(live.getState().ids).toEqual([]);
  });

  it('heard live are not overwritten by an older list', () => {
    putPosition(position({ qty: '0.01', updated_at: '2026-11-24T10:00:05Z' }));
    mergePositions([position({ updated_at: '2026-11-24T10:00:01Z' })]);
    expect(live.getState().positions.p1?.qty).toBe('0.01');
  });

  it('are asked for over REST when the snapshot was too large', () => {
    replacePositions([], true);
    expect(live.getState()).toMatchObject({ truncated: true, ids: ['p1'] });
    mergePositions([position(), position({ id: 'p2', opened_at: '2026-11-24T10:05:00Z' })]);
    expect(live.getState()).toMatchObject({ truncated: false, ids: ['p2', 'p1'] });
  });
});
