import { act, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, describe, expect, it } from 'vitest';
import { ApiError } from '@/api/problem';
import type { Position } from '@/api/types';
import {
  flushPrices,
  live,
  putEnvironments,
  putHealth,
  putPosition,
  putPrices,
  replacePositions,
  setLink,
  tick,
} from '@/live/store';
import { draw } from '@/test/render';
import { account, position, trade } from '@/test/samples';
import { answers, pageOf, refuses } from '@/test/server';
import { OpenPositions } from './PositionsPage';
import { residentLayer } from './protection';
import { TradesPanel } from './TradesPanel';

const price = (last: string, age = 0) => {
  const now = Date.now();
  act(() => {
    putPrices([{ symbol: 'BTCUSDT', environment: 'simulator', last, mark: last, ts: now - age }], now);
    flushPrices();
  });
};

function open(...positions: Position[]) {
  replacePositions(positions);
  putEnvironments({ [account().id]: 'simulator' });
  setLink({ phase: 'open', lastMessageAt: Date.now() });
  draw(<OpenPositions />);
}

beforeEach(() => {
  answers('get', '/api/accounts', pageOf(account()));
});

describe('a position row', () => {
  it('shows the result at the live price, signed', async () => {
    open(position());
    const row = await screen.findByTestId('position-row-BTCUSDT');
    expect(within(row).getByTestId('pnl-BTCUSDT')).toHaveTextContent('—');
    price('65617.5');
    expect(within(row).getByTestId('pnl-BTCUSDT')).toHaveTextContent('+12.35');
    price('64382.5');
    expect(within(row).getByTestId('pnl-BTCUSDT')).toHaveTextContent('−12.35');
    expect(row).toHaveTextContent('Long5×');
  });

  it('shows no result at a price older than 30 s', async () => {
    open(position());
    price('65617.5', 31_000);
    const pnl = await screen.findByTestId('pnl-BTCUSDT');
    expect(pnl).toHaveTextContent('—');
    expect(pnl).toHaveAttribute('title', expect.stringContaining('+12.35'));
  });

  it('says how far the stop-loss is', async () => {
    open(position());
    price('65000');
    expect(await screen.findByText('−1.50 %')).toBeVisible();
  });

  it('is marked when the exchange holds no stop', async () => {
    open(position({ resident_stop: { price: null, verified_at: null } }));
    const row = await screen.findByTestId('position-row-BTCUSDT');
    expect(row).toHaveTextContent('No exchange stop');
    expect(row).toHaveAttribute('data-unprotected');
  });

  it('is marked when the engine is down', async () => {
    open(position());
    const stream = { state: 'connected', age_ms: 1 } as const;
    act(() =>
      putHealth({
        status: 'degraded',
        database: 'ok',
        streamer: { alive: false, heartbeat_age_ms: 60_000 },
        bybit: { public: stream, private: stream, rest: { state: 'ok', retry_in_ms: null } },
        version: '1',
      }),
    );
    expect(await screen.findByText('Watch is down')).toBeVisible();
  });

  it('leaves when the position closes', async () => {
    open(position());
    await screen.findByTestId('position-row-BTCUSDT');
    act(() => putPosition(position({ status: 'closed' })));
    expect(screen.queryByTestId('position-row-BTCUSDT')).toBeNull();
    expect(screen.getByText('No open positions')).toBeVisible();
  });
});

describe('the proof of the resident stop', () => {
  it('ages', () => {
    const verified_at = '2026-11-24T10:00:00Z';
    const then = Date.parse(verified_at);
    const held = position({ resident_stop: { price: '63700', verified_at } });
    expect(residentLayer(held, then + 4000)).toMatchObject({ state: 'ok', words: 'Verified 4 s ago' });
    expect(residentLayer(held, then + 90_000)).toMatchObject({
      state: 'warn',
      words: 'Verified 1 m 30 s ago',
    });
  });
});

describe('closing', () => {
  it('asks first, restates what is closed, and sends it once', async () => {
    const sent = answers('post', '/api/positions/p1/close', { command_id: 'c1' }, 202);
    open(position());
    price('65617.5');
    await userEvent.click(await screen.findByTestId('close-BTCUSDT'));
    const dialog = await screen.findByRole('dialog', { name: 'Close BTCUSDT long' });
    expect(sent).toEqual([]);
    expect(dialog).toHaveTextContent('SIMULATOR');

    await userEvent.click(within(dialog).getByText('50 %'));
    expect(within(dialog).getByTestId('confirm-qty')).toHaveTextContent('0.01 BTC of 0.02');
    expect(dialog).toHaveTextContent('+6.18 USDT');

    const confirm = within(dialog).getByTestId('confirm-close');
    expect(confirm).toHaveTextContent('Close 50 % at market');
    await userEvent.dblClick(confirm);
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
    expect(sent).toEqual([{ portion: '50%' }]);
  });

  it('says why it was refused and stays', async () => {
    refuses('post', '/api/positions/p1/close', {
      status: 409,
      title: 'Conflict',
      detail: 'It is closing already.',
    });
    open(position());
    await userEvent.click(await screen.findByTestId('close-BTCUSDT'));
    await userEvent.click(await screen.findByTestId('confirm-close'));
    expect(await screen.findByText('It is closing already.')).toBeVisible();
  });

  it('warns when the price is not fresh', async () => {
    open(position());
    price('65617.5', 4000);
    await userEvent.click(await screen.findByTestId('close-BTCUSDT'));
    expect(await screen.findByText(/price shown is not fresh/)).toBeVisible();
  });

  it('cannot be confirmed once the position is gone', async () => {
    open(position());
    await userEvent.click(await screen.findByTestId('close-BTCUSDT'));
    const confirm = await screen.findByTestId('confirm-close');
    act(() => putPosition(position({ status: 'closed' })));
    expect(confirm).toBeDisabled();
    expect(screen.getByText('This position has closed meanwhile.')).toBeVisible();
  });
});

describe('reversing', () => {
  it('sends the reversal', async () => {
    const sent = answers('post', '/api/positions/p1/reverse', { command_id: 'c1' }, 202);
    open(position());
    await userEvent.click(await screen.findByTestId('reverse-BTCUSDT'));
    const confirm = await screen.findByTestId('confirm-close');
    expect(confirm).toHaveTextContent('Reverse to short');
    await userEvent.click(confirm);
    await waitFor(() => expect(sent).toEqual([{}]));
  });
});

describe('the list', () => {
  it('says what to do when nothing is connected', async () => {
    answers('get', '/api/accounts', pageOf());
    open();
    expect(await screen.findByText('Connect an account')).toBeVisible();
  });

  it('says why it could not be read', async () => {
    live.setState({
      failure: new ApiError({ title: 'Down', detail: 'The database does not answer.', status: 503 }),
    });
    draw(<OpenPositions />);
    expect(await screen.findByText('The database does not answer.')).toBeVisible();
    answers('get', '/api/positions', pageOf(position()));
    await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
    expect(await screen.findByTestId('position-row-BTCUSDT')).toBeVisible();
  });

  it('draws only the rows in view when there are many', async () => {
    open(...Array.from({ length: 200 }, (_, i) => position({ id: `p${i}`, symbol: `A${i}USDT` })));
    const table = await screen.findByRole('table', { name: 'Open positions' });
    expect(table).toHaveAttribute('aria-rowcount', '202');
    expect(screen.queryAllByTestId(/^position-row-/).length).toBeLessThan(60);
  });
});

describe('closed trades', () => {
  it('show the net result, fees and why they closed', async () => {
    answers('get', '/api/trades', pageOf(trade()));
    act(tick);
    draw(<TradesPanel />);
    const row = await screen.findByTestId('trade-row');
    expect(row).toHaveTextContent('+18.36');
    expect(row).toHaveTextContent('−1.44');
    expect(row).toHaveTextContent('Take profit');
  });
});
