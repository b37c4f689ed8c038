import { screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import type { FlightRecord } from '@/api/types';
import { createApply } from '@/live/apply';
import { draw } from '@/test/render';
import { account, order, signal, strategy } from '@/test/samples';
import { answers, pageOf, refuses } from '@/test/server';
import { Again } from './Again';
import { Timeline } from './FlightRecordView';
import { SignalsPanel } from './SignalsPage';

const list = '/api/signals';

describe('the list of signals', () => {
  it('says what to do while there is none', async () => {
    answers('get', list, pageOf());
    draw(<SignalsPanel onOpen={vi.fn()} />);
    expect(await screen.findByText('No alert has come in yet')).toBeVisible();
    expect(screen.getByRole('link', { name: 'See your webhooks' })).toHaveAttribute('href', '/setup');
  });

  it('says what failed and tries again', async () => {
    refuses('get', list, { status: 503, title: 'Down', detail: 'The database does not answer.' });
    draw(<SignalsPanel onOpen={vi.fn()} />);
    expect(await screen.findByRole('alert')).toHaveTextContent('The database does not answer.');
    answers('get', list, pageOf(signal()));
    await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
    expect(await screen.findByTestId('signal-row')).toBeVisible();
  });

  it('gives the reason in words', async () => {
    const errors = [{ field: 'symbol', message: 'must be a symbol' }];
    answers(
      'get',
      list,
      pageOf(
        signal({ id: 's1', status: 'refused', reason: '0.0004 is below the smallest order' }),
        signal({ id: 's2', status: 'rejected', symbol: null, action: null, errors }),
      ),
    );
    draw(<SignalsPanel onOpen={vi.fn()} />);
    const [refused, rejected] = await screen.findAllByTestId('signal-row');
    expect(refused).toHaveTextContent('Refused');
    expect(refused).toHaveTextContent('0.0004 is below the smallest order');
    expect(rejected).toHaveTextContent('Not understood');
    expect(rejected).toHaveTextContent('symbol: must be a symbol');
  });

  it('opens a flight record by mouse and by keyboard', async () => {
    answers('get', list, pageOf(signal()));
    const onOpen = vi.fn();
    draw(<SignalsPanel onOpen={onOpen} />);
    await userEvent.click(await screen.findByTestId('signal-row'));
    screen.getByRole('button', { name: 'Flight record of Buy BTCUSDT' }).focus();
    await userEvent.keyboard('{Enter}');
    expect(onOpen.mock.calls).toEqual([['s1'], ['s1']]);
  });

  it('follows live: a new one comes on top, a known one changes in place', async () => {
    answers('get', list, pageOf(signal()));
    const { queries } = draw(<SignalsPanel onOpen={vi.fn()} />);
    await screen.findByTestId('signal-row');
    const apply = createApply(queries, vi.fn());
    apply({
      v: 1,
      type: 'signal',
      seq: 1,
      ts: 1,
      data: signal({ id: 's2', status: 'accepted', action: 'sell' }),
    });
    const [first] = await screen.findAllByText('Waiting');
    expect(first).toBeVisible();
    apply({
      v: 1,
      type: 'signal',
      seq: 2,
      ts: 1,
      data: signal({ id: 's2', status: 'executed', action: 'sell' }),
    });
    await screen.findAllByText('Executed');
    const rows = screen.getAllByTestId('signal-row');
    expect(rows).toHaveLength(2);
    expect(rows[0]).toHaveTextContent('Sell BTCUSDT');
  });
});

describe('a flight record', () => {
  const record: FlightRecord = {
    ...signal({ decided_at: '2026-11-24T10:00:00.040Z' }),
    alert_time: null,
    source: null,
    spooled: false,
    stored_at: null,
    raw: '{"secret":"***","action":"buy"}',
    parsed: { action: 'buy', take_profit: [{ at: '2%', portion: '50%' }] },
    orders: [
      order({
        created_at: '2026-11-24T10:00:00.014Z',
        sent_at: '2026-11-24T10:00:00.015Z',
        updated_at: '2026-11-24T10:00:00.040Z',
      }),
    ],
    executions: [],
  };

  it('tells each step in order, with the time since the alert', async () => {
    draw(<Timeline record={record} />);
    const steps = await screen.findAllByRole('listitem');
    expect(steps.map((step) => within(step).getByRole('heading').textContent)).toEqual([
      'Alert received',
      'Understood',
      'Buy order, entry',
      'Decided',
    ]);
    expect(steps[2]).toHaveTextContent('+15 ms');
    expect(steps[3]).toHaveTextContent('+40 ms');
    expect(steps[1]).toHaveTextContent('50% at 2%');
  });

  it('says who sent it, and when it fired', async () => {
    const source = {
      ip: '192.0.2.7',
      proved_by: 'signature' as const,
      dialect: 'native',
      client_certificate: null,
      tradingview_certificate: false,
      replay_of: null,
    };
    draw(<Timeline record={{ ...record, source, alert_time: '2026-11-24T09:59:58Z' }} />);
    const [fired, received] = await screen.findAllByRole('listitem');
    expect(fired).toHaveTextContent('Fired, by its own account09:59:58');
    expect(received).toHaveTextContent('From 192.0.2.7, signed');
  });

  it('foresees the same alert now, its age aside', async () => {
    answers('get', '/api/accounts', pageOf(account()));
    answers('get', '/api/strategies', pageOf());
    const asked = answers('post', `/api/strategies/${record.strategy_id}/preflight`, {
      outcome: 'refused',
      code: 'halted',
      reason: 'trading is halted',
      entry: null,
      orders: [],
    });
    draw(<Again record={{ ...record, parsed: { action: 'buy', time: '2026-11-24T09:59:58Z' } }} />);
    await userEvent.click(await screen.findByTestId('foresee'));
    expect(await screen.findByTestId('preflight')).toHaveTextContent('Would be refusedtrading is halted');
    expect(asked).toEqual([{ action: 'buy' }]);
    expect(screen.getByText(/make a strategy for BTCUSDT on a simulator/)).toBeVisible();
  });

  it('is replayed only where no money is real', async () => {
    const real = account({ id: 'a-real', label: 'Main', environment: 'mainnet' });
    answers('get', '/api/accounts', pageOf(account(), real));
    answers(
      'get',
      '/api/strategies',
      pageOf(
        strategy({ id: 'on-real', account_id: real.id, name: 'Real' }),
        strategy({ id: 'on-paper', name: 'Trial' }),
        strategy({ id: 'of-another', name: 'Ether', symbols: ['ETHUSDT'] }),
        strategy({ id: 'off', name: 'Off', enabled: false }),
      ),
    );
    const sent = answers('post', '/api/signals/s1/replay', { signal_id: 's2', status: 'accepted' }, 202);
    draw(<Again record={record} />);
    await userEvent.click(await screen.findByTestId('replay'));
    expect(within(screen.getByTestId('replay-strategy')).getAllByRole('option')).toHaveLength(1);
    expect(await screen.findByText('See what becomes of it')).toHaveAttribute('href', '/signals?id=s2');
    expect(sent).toEqual([{ strategy_id: 'on-paper' }]);
  });
});
