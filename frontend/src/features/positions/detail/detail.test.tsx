import { act, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { HttpResponse, http } from 'msw';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Position } from '@/api/types';
import { flushPrices, putEnvironments, putPrices, replacePositions, setLink } from '@/live/store';
import { parse } from '@/shared/decimal';
import { draw } from '@/test/render';
import { account, position } from '@/test/samples';
import { answers, pageOf, refuses, server } from '@/test/server';
import { snap } from './lines';
import { PositionDetail } from './PositionPage';
import type { ChartLine } from './priceChart';

/** Chromium draws; here it is what would be drawn, and how a drag is told. */
vi.mock('./Chart', () => ({
  default: ({ lines, onMove }: { lines: ChartLine[]; onMove: (id: string, price: number) => void }) => (
    <div data-testid="chart">
      {lines.map((line) => (
        <button
          key={line.id}
          type="button"
          disabled={!line.draggable}
          onClick={() => onMove(line.id, line.price + 100.03)}
        >
          {line.title} {line.price}
        </button>
      ))}
    </div>
  ),
}));

const candles = {
  symbol: 'BTCUSDT',
  interval: '5m',
  tick_size: '0.1',
  candles: [{ start: '2026-11-24T10:00:00Z', open: '1', high: '2', low: '1', close: '2', volume: '1' }],
};

function open(of: Position) {
  replacePositions([of]);
  putEnvironments({ [account().id]: 'simulator' });
  setLink({ phase: 'open', lastMessageAt: Date.now() });
  draw(<PositionDetail position={of} />);
  const now = Date.now();
  act(() => {
    putPrices([{ symbol: 'BTCUSDT', environment: 'simulator', last: '65500', mark: '65500', ts: now }], now);
    flushPrices();
  });
}

beforeEach(() => {
  answers('get', '/api/accounts', pageOf(account()));
  answers('get', '/api/executions', pageOf());
  server.use(http.get('*/api/positions/p1/candles', () => HttpResponse.json(candles)));
});

describe('a price on the chart', () => {
  it('is taken to the nearest tick, exactly', () => {
    expect(snap(64_123.4567, parse('0.1'))).toBe('64123.5');
    expect(snap(64_123.4567, parse('0.5'))).toBe('64123.5');
    expect(snap(0.000_012_34, parse('0.0000001'))).toBe('0.0000123');
    expect(snap(12.345_678, null)).toBe('12.35');
    expect(snap(0.01, parse('0.1'))).toBe('0.1');
  });
});

describe('the page of a position', () => {
  it('draws entry, both stops and the targets', async () => {
    open(position());
    const chart = await screen.findByTestId('chart');
    expect(
      within(chart)
        .getAllByRole('button')
        .map((line) => line.textContent),
    ).toEqual(['Entry 65000', 'Exchange stop 63700', 'Stop 64025', '50% target 66950']);
    expect(within(chart).getByText('Exchange stop 63700')).toBeDisabled();
  });

  it('a dragged stop is a draft until it is confirmed', async () => {
    const sent = answers('patch', '/api/positions/p1/protection', { command_id: 'c1' }, 202);
    open(position());
    await userEvent.click(await screen.findByText('Stop 64025'));
    expect(screen.getByTestId('protect-stop')).toHaveValue('64125');
    expect(screen.getByText('Stop, not sent 64125')).toBeVisible();
    expect(sent).toEqual([]);
    await userEvent.click(screen.getByText('Put back'));
    expect(screen.getByText('Stop 64025')).toBeVisible();

    await userEvent.click(screen.getByText('50% target 66950'));
    expect(screen.getByText('Not sent: 50% target 67050')).toBeVisible();
    await userEvent.click(screen.getByTestId('protect-send'));
    await waitFor(() => expect(sent).toEqual([{ take_profit: [{ at: '67050', portion: '50%' }] }]));
  });

  it('draws without candles when the exchange does not give them', async () => {
    refuses('get', '/api/positions/p1/candles', {
      status: 422,
      title: 'Unavailable',
      detail: 'The history cannot be read.',
    });
    open(position());
    expect(await screen.findByText(/The history cannot be read/)).toBeVisible();
    expect(await screen.findByTestId('chart')).toBeVisible();
  });

  it('of a closed position changes nothing', async () => {
    open(position({ status: 'closed', qty: '0' }));
    const chart = await screen.findByTestId('chart');
    expect(within(chart).getAllByRole('button')).toHaveLength(1);
    expect(screen.queryByTestId('protect-send')).toBeNull();
    expect(screen.queryByTestId('detail-close')).toBeNull();
  });
});
