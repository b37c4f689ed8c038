import { screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { HttpResponse, http } from 'msw';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Stats, StatsGroup } from '@/api/types';
import { replacePositions } from '@/live/store';
import { draw } from '@/test/render';
import { account, position } from '@/test/samples';
import { answers, pageOf, server } from '@/test/server';
import { calendarOf } from './calendar';
import { Overview } from './OverviewPage';
import { dayStart, readSearch, sinceOf } from './period';

vi.mock('./EquityChart', () => ({ default: ({ label }: { label: string }) => <div>{label}</div> }));

const group = (change: Partial<StatsGroup> = {}): StatsGroup => ({
  key: 'BTCUSDT',
  label: 'BTCUSDT',
  trades: 4,
  wins: 3,
  losses: 1,
  win_rate: '0.75',
  gross_pnl: '14',
  fees: '1.5',
  funding: '-0.2',
  net_pnl: '12.3',
  profit_factor: '4.1',
  expectancy: '3.075',
  avg_win: '5',
  avg_loss: '-2.7',
  best: '8',
  worst: '-2.7',
  max_drawdown: '2.7',
  avg_duration_s: 3900,
  ...change,
});

/** Answers statistics; tells what was asked for. */
function statistics(change: Partial<Stats> = {}) {
  const asked: Record<string, string>[] = [];
  server.use(
    http.get('*/api/stats', ({ request }) => {
      const query = Object.fromEntries(new URL(request.url).searchParams);
      asked.push(query);
      const { key: _, label: __, ...all } = group();
      const groups = query.by === 'day' ? [group({ key: '2026-11-23', label: '2026-11-23' })] : [group()];
      return HttpResponse.json({ ...all, groups: query.by ? groups : [], ...change });
    }),
  );
  return asked;
}

const equity = (...values: (string | null)[]) => ({
  step_s: 60,
  points: values.map((value, minute) => ({
    at: `2026-11-24T10:0${minute}:00Z`,
    equity: value,
    realised_pnl: '0',
  })),
  max_drawdown: '25',
  max_drawdown_share: '0.0025',
});

beforeEach(() => {
  answers('get', '/api/accounts', pageOf(account()));
  answers('get', '/api/equity', equity(null, '10000', '9975', '10020.5'));
  answers('get', '/api/stats/execution', {
    alert_to_received: null,
    received_to_stored: { count: 9, p50: 4, p90: 8, p95: 9, p99: 12 },
    stored_to_decided: null,
    decided_to_sent: null,
    sent_to_acknowledged: null,
    acknowledged_to_filled: null,
    sent_to_filled: null,
    received_to_filled: null,
    entry_slippage: { count: 9, p50: '0.5', p90: '2.25', p99: '-1' },
    exit_slippage: null,
  });
});

describe('a period', () => {
  it('begins in steps of five minutes, and a day at 00:00 UTC', () => {
    const now = Date.parse('2026-11-24T10:03:20Z');
    expect(sinceOf('7d', now)).toBe('2026-11-17T10:00:00.000Z');
    expect(sinceOf('all', now)).toBeUndefined();
    expect(dayStart(now)).toBe('2026-11-24T00:00:00.000Z');
    expect(readSearch({ period: '1y', account: 3 })).toEqual({});
  });
});

describe('the calendar', () => {
  const now = Date.parse('2026-11-24T10:00:00Z');

  it('has whole weeks from Monday on, the last with the days to come', () => {
    const weeks = calendarOf([], 2, now);
    expect(weeks.map((week) => week[0]?.day)).toEqual(['2026-11-16', '2026-11-23']);
    expect(weeks[1]?.map(({ ahead }) => ahead)).toEqual([false, false, true, true, true, true, true]);
  });

  it('measures each day against the largest, however it went', () => {
    const weeks = calendarOf(
      [
        group({ key: '2026-11-16', net_pnl: '-100' }),
        group({ key: '2026-11-17', net_pnl: '49' }),
        group({ key: '2026-11-18', net_pnl: '0.01' }),
        group({ key: '2026-11-19', net_pnl: '0' }),
      ],
      2,
      now,
    );
    expect(weeks[0]?.map(({ strength }) => strength)).toEqual([4, 2, 1, 1, 0, 0, 0]);
  });
});

describe('the overview', () => {
  it('shows what the server says, and computes none of it', async () => {
    const asked = statistics();
    replacePositions([position()]);
    draw(<Overview search={{ period: '7d' }} onSearch={vi.fn()} />);
    expect(await screen.findByTestId('net-pnl')).toHaveTextContent('+12.30');
    expect(screen.getByText('too few trades to judge')).toBeVisible();
    expect(screen.getByText('−19.50')).toBeVisible();
    const row = await screen.findByTestId('stats-group');
    expect(row).toHaveTextContent('75.0 %');
    expect(row).toHaveTextContent('1 h 5 m');
    expect(await screen.findByText(/Equity from 10,000.00 to 10,020.50 USDT, \+20.50/)).toBeVisible();
    expect(screen.getByText(/largest fall 25.00 USDT \(0.3 %\)/)).toBeVisible();
    expect(await screen.findByText('Received → stored')).toBeVisible();
    expect(asked.map(({ by }) => by)).toEqual(expect.arrayContaining([undefined, 'strategy', 'day']));
  });

  it('groups by what is chosen', async () => {
    const asked = statistics();
    draw(<Overview search={{}} onSearch={vi.fn()} />);
    await screen.findByTestId('stats-group');
    await userEvent.click(screen.getByText('Closed by'));
    expect(await screen.findByRole('table', { name: 'Results by Closed by' })).toBeVisible();
    expect(asked.at(-1)?.by).toBe('exit_reason');
  });

  it('says when trading is halted, and when nothing was traded', async () => {
    answers(
      'get',
      '/api/accounts',
      pageOf(account({ halt: { level: 'reduce_only', reason: 'by hand', at: '2026-11-24T10:00:00Z' } })),
    );
    statistics({ trades: 0, groups: [] });
    draw(<Overview search={{}} onSearch={vi.fn()} />);
    expect(await screen.findByText('No trade closed in this period')).toBeVisible();
    const now = screen.getByLabelText('Now');
    expect(await within(now).findByText('Halted')).toBeVisible();
    expect(within(now).getByText('Reduce only')).toBeVisible();
  });
});
