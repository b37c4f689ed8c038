import type { Account, Execution, LiveMessage, Order, Position, Signal, Strategy, Trade } from '@/api/types';

const ACCOUNT_ID = '6b0f8c52-0000-4000-8000-000000000001';
const STRATEGY_ID = '6b0f8c52-0000-4000-8000-000000000002';
const MOMENT = '2026-11-24T10:00:00Z';

export const account = (change: Partial<Account> = {}): Account => ({
  id: ACCOUNT_ID,
  label: 'Paper',
  environment: 'simulator',
  api_key_last4: '9f2c',
  status: 'active',
  status_reason: null,
  limits: {},
  margin_mode: 'cross',
  hedged_symbols: [],
  halt: null,
  equity: '10000',
  version: 1,
  created_at: MOMENT,
  ...change,
});

export const strategy = (change: Partial<Strategy> = {}): Strategy => ({
  id: STRATEGY_ID,
  account_id: ACCOUNT_ID,
  name: 'BTC trend',
  symbols: ['BTCUSDT'],
  sizing: { mode: 'quote', value: '100' },
  leverage: '5',
  margin_mode: 'any',
  max_age_s: 30,
  on_opposite: 'reverse',
  max_entries: 1,
  entry: { kind: 'market', at: null, expires_s: 60, post_only: false },
  protection: {
    stop_loss: '1.5%',
    take_profit: [],
    trailing: null,
    break_even: null,
    resident_gap: '0.5%',
    time_exit_s: null,
    trigger_by: 'last',
  },
  enabled: true,
  webhook_url: 'http://127.0.0.1:8000/api/hooks/h1',
  created_at: MOMENT,
  source: { state: null, quiet_since: null },
  watch: { policy: 'alarm', expected_every_s: null },
  version: 1,
  ...change,
});

export const position = (change: Partial<Position> = {}): Position => ({
  id: 'p1',
  account_id: ACCOUNT_ID,
  strategy_id: STRATEGY_ID,
  symbol: 'BTCUSDT',
  side: 'long',
  qty: '0.02',
  entry_price: '65000',
  mark_price: '65000',
  unrealised_pnl: null,
  stop_loss: '64025',
  take_profit: [{ price: '66950', portion: '50%', status: 'armed' }],
  resident_stop: { price: '63700', verified_at: MOMENT },
  trigger_by: 'last',
  trailing: null,
  break_even: null,
  time_exit_s: null,
  leverage: '5',
  status: 'open',
  opened_at: MOMENT,
  updated_at: MOMENT,
  ...change,
});

export const order = (change: Partial<Order> = {}): Order => ({
  id: 'b-o1',
  account_id: ACCOUNT_ID,
  position_id: 'p1',
  signal_id: 's1',
  symbol: 'BTCUSDT',
  side: 'buy',
  purpose: 'entry',
  qty: '0.02',
  filled_qty: '0.02',
  avg_price: '65000',
  limit_price: null,
  expires_at: null,
  reduce_only: false,
  stop_loss: '63700',
  status: 'filled',
  exchange_order_id: null,
  reason: null,
  created_at: MOMENT,
  sent_at: null,
  acknowledged_at: null,
  updated_at: MOMENT,
  ...change,
});

export const execution = (change: Partial<Execution> = {}): Execution => ({
  id: 'e1',
  account_id: ACCOUNT_ID,
  position_id: 'p1',
  order_id: 'b-o1',
  symbol: 'BTCUSDT',
  side: 'sell',
  exec_type: 'Trade',
  price: '66000',
  qty: '0.01',
  fee: '0.363',
  realised_pnl: '10',
  executed_at: MOMENT,
  ...change,
});

export const trade = (change: Partial<Trade> = {}): Trade => ({
  id: 't1',
  account_id: ACCOUNT_ID,
  strategy_id: STRATEGY_ID,
  symbol: 'BTCUSDT',
  side: 'long',
  qty: '0.02',
  entry_price: '65000',
  exit_price: '66000',
  gross_pnl: '20',
  fees: '1.441',
  funding: '-0.2',
  net_pnl: '18.359',
  exit_reason: 'take_profit',
  strategy_version: null,
  opened_at: MOMENT,
  closed_at: '2026-11-24T11:00:00Z',
  ...change,
});

export const signal = (change: Partial<Signal> = {}): Signal => ({
  id: 's1',
  strategy_id: STRATEGY_ID,
  strategy_name: 'BTC trend',
  account_id: ACCOUNT_ID,
  symbol: 'BTCUSDT',
  action: 'buy',
  qty: null,
  status: 'executed',
  reason: null,
  reason_code: null,
  errors: [],
  position_id: null,
  received_at: MOMENT,
  decided_at: '2026-11-24T10:00:00.012Z',
  ...change,
});

type Sent<T extends LiveMessage['type']> = Extract<LiveMessage, { type: T }>;

export const snapshot = (seq: number, positions: Position[] = []): Sent<'snapshot'> => ({
  v: 1,
  type: 'snapshot',
  seq,
  ts: Date.now(),
  data: { positions, signals: [], truncated: false },
});

export const positionMessage = (seq: number, change: Partial<Position> = {}): Sent<'position'> => ({
  v: 1,
  type: 'position',
  seq,
  ts: Date.now(),
  data: position(change),
});
