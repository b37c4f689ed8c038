import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import type { Hook, Preflight } from '@/api/types';
import { draw } from '@/test/render';
import { account, strategy } from '@/test/samples';
import { answers, refuses } from '@/test/server';
import { Keys } from './Keys';
import { PasteAndExplain } from './PasteAndExplain';
import { PolicyForm } from './PolicyForm';
import { toField, toPolicy, written } from './policy';
import { TryIt } from './TryIt';

const known = strategy();
const path = `/api/strategies/${known.id}`;
const hook = (change: Partial<Hook> = {}): Hook => ({
  webhook_url: known.webhook_url,
  policy: { max_per_minute: 600, client_certificate: 'observe', require_signature: false },
  previous_secret_until: null,
  has_signing_key: false,
  ...change,
});
const opens: Preflight = {
  outcome: 'opens',
  code: null,
  reason: null,
  entry: {
    side: 'long',
    qty: '0.012',
    price: '64000',
    notional: '768',
    leverage: '5',
    margin: '153.6',
    fees: '0.84',
    stop_loss: '63040',
    exchange_stop: '62720',
    loss_at_stop: '12.36',
    liquidation_price: '51500',
  },
  orders: [{ purpose: 'entry', request: { symbol: 'BTCUSDT', qty: '0.012' } }],
};
const understood = {
  dialect: 'native',
  accepted: true,
  alert: { action: 'buy', symbol: 'BTCUSDT', time: '2020-01-01T00:00:00Z' },
  notes: [{ field: 'action', outcome: 'used', becomes: 'action', meaning: '' }],
};

describe('the rules of a webhook', () => {
  it('are sent as the API wants them, times in the zone of the user', async () => {
    answers('get', `${path}/hook`, hook());
    const sent = answers('put', `${path}/hook`, hook());
    draw(<PolicyForm strategy={known} />);
    await userEvent.type(await screen.findByTestId('policy-symbols'), 'btcusdt{Enter}');
    await userEvent.click(screen.getByTestId('policy-action-buy'));
    await userEvent.click(screen.getByTestId('policy-action-close'));
    await userEvent.click(screen.getByTestId('policy-side-long'));
    await userEvent.type(screen.getByTestId('policy-max_notional'), '500');
    await userEvent.type(screen.getByTestId('policy-max_per_day'), '10');
    await userEvent.type(screen.getByTestId('policy-sources'), 'tradingview,203.0.113.0/24{Enter}');
    expect(screen.getByTestId('policy-signature')).toBeDisabled();
    await userEvent.click(screen.getByTestId('policy-save'));
    await waitFor(() =>
      expect(sent).toEqual([
        {
          symbols: ['BTCUSDT'],
          actions: ['buy', 'close'],
          sides: ['long'],
          max_notional: '500',
          max_per_day: 10,
          max_per_minute: 600,
          expires_at: null,
          sources: ['tradingview', '203.0.113.0/24'],
          client_certificate: 'observe',
          require_signature: false,
        },
      ]),
    );
  });

  it('come back from the form as they went in', () => {
    const policy = hook({
      policy: { expires_at: '2026-12-24T17:30:00.000Z', max_per_minute: 60, max_notional: '12.5' },
    }).policy;
    expect(toPolicy(written(policy))).toMatchObject(policy);
    vi.stubEnv('TZ', 'Asia/Kolkata');
    expect(toField('2026-12-24T20:30:00Z')).toBe('2026-12-25T02:00');
    expect(toPolicy(written(policy))).toMatchObject(policy);
    vi.unstubAllEnvs();
  });

  it('lay what the server refuses at its field', async () => {
    answers('get', `${path}/hook`, hook());
    refuses('put', `${path}/hook`, {
      status: 422,
      title: 'Not valid',
      errors: [{ field: 'sources.0', message: 'must be a network' }],
    });
    draw(<PolicyForm strategy={known} />);
    await userEvent.type(await screen.findByTestId('policy-sources'), 'somewhere{Enter}');
    await userEvent.click(screen.getByTestId('policy-save'));
    expect(await screen.findByText('must be a network')).toBeVisible();
  });
});

describe('the keys of a webhook', () => {
  it('a new secret leaves the old one the time that was chosen', async () => {
    answers('get', `${path}/hook`, hook({ previous_secret_until: '2026-11-24T11:00:00Z' }));
    const sent = answers('post', `${path}/secret`, { ...known, webhook_secret: 'fresh' });
    const onRotated = vi.fn();
    draw(<Keys strategy={known} onRotated={onRotated} />);
    expect(await screen.findByText(/works until 2026-11-24 11:00:00 UTC/)).toBeVisible();
    await userEvent.click(screen.getByTestId('rotate-secret'));
    await userEvent.selectOptions(await screen.findByTestId('rotate-overlap'), '86400');
    await userEvent.click(screen.getByTestId('confirm-rotate'));
    await waitFor(() => expect(onRotated).toHaveBeenCalled());
    expect(sent).toEqual([{ overlap_s: 86_400 }]);
  });

  it('a signing key is shown once, with how to sign', async () => {
    answers('get', `${path}/hook`, hook());
    answers('post', `${path}/hook/signing-key`, { signing_key: 'k-123' }, 201);
    draw(<Keys strategy={known} onRotated={vi.fn()} />);
    await userEvent.click(await screen.findByTestId('make-signing-key'));
    expect(await screen.findByTestId('signing-key')).toHaveTextContent('k-123');
    expect(screen.getByText(/X-Backstop-Signature/)).toBeVisible();
  });
});

describe('a pasted message', () => {
  it('is explained field by field and tried, its age aside', async () => {
    const explained = answers('post', `${path}/import`, understood);
    const tried = answers('post', `${path}/preflight`, opens);
    draw(<PasteAndExplain strategy={known} />);
    await userEvent.click(await screen.findByTestId('paste-message'));
    await userEvent.paste('{"symbol": "{{ticker}}"}');
    await userEvent.click(screen.getByTestId('explain-message'));
    expect(await screen.findByTestId('explained')).toHaveTextContent('Understood');
    expect(await screen.findByTestId('preflight')).toHaveTextContent('Would open a position');
    expect(screen.getByTestId('preflight')).toHaveTextContent('12.36 USDT');
    expect(explained).toEqual([{ message: '{"symbol": "BTCUSDT.P"}' }]);
    expect(tried).toEqual([{ action: 'buy', symbol: 'BTCUSDT' }]);
  });

  it('keeps its explanation when the engine does not answer', async () => {
    answers('post', `${path}/import`, understood);
    refuses('post', `${path}/preflight`, {
      status: 503,
      title: 'No',
      detail: 'The account is not being traded.',
    });
    draw(<PasteAndExplain strategy={known} />);
    await userEvent.type(await screen.findByTestId('paste-message'), 'x');
    await userEvent.click(screen.getByTestId('explain-message'));
    expect(await screen.findByText('The account is not being traded.')).toBeVisible();
    expect(screen.getByTestId('explained')).toBeVisible();
  });

  it('says what is unclear once, though its name is known', async () => {
    answers('post', `${path}/import`, {
      dialect: '3commas',
      accepted: false,
      alert: null,
      notes: [
        { field: 'symbol', outcome: 'used', becomes: 'symbol', meaning: '' },
        { field: 'symbol', outcome: 'ambiguous', becomes: null, meaning: 'is not a symbol' },
      ],
    });
    draw(<PasteAndExplain strategy={known} />);
    await userEvent.type(await screen.findByTestId('paste-message'), 'x');
    await userEvent.click(screen.getByTestId('explain-message'));
    expect(await screen.findByTestId('explained')).toHaveTextContent('As 3Commas writes it');
    expect(screen.getAllByText('symbol')).toHaveLength(1);
    expect(screen.queryByTestId('preflight')).toBeNull();
  });
});

describe('trying a message', () => {
  const message = (secret: string) => JSON.stringify({ secret, action: 'buy' });

  it('sends it as its sender would, with the secret that is asked for', async () => {
    const sent = answers('post', '/api/hooks/h1', { signal_id: 's9', status: 'accepted' }, 202);
    draw(<TryIt strategy={known} account={account()} messageWith={message} secret={null} />);
    await userEvent.click(await screen.findByTestId('send-test'));
    const confirm = await screen.findByTestId('confirm-send-test');
    expect(confirm).toBeDisabled();
    await userEvent.type(screen.getByTestId('send-secret'), 'mine');
    await userEvent.click(confirm);
    expect(await screen.findByText('See what became of it')).toHaveAttribute('href', '/signals?id=s9');
    expect(sent).toEqual([{ secret: 'mine', action: 'buy' }]);
  });

  it('asks for a typed word where money is real, and says why it was refused', async () => {
    refuses('post', '/api/hooks/h1', { status: 403, title: 'No', detail: 'this webhook may not buy' });
    draw(
      <TryIt
        strategy={known}
        account={account({ environment: 'mainnet' })}
        messageWith={message}
        secret="mine"
      />,
    );
    await userEvent.click(await screen.findByTestId('send-test'));
    const confirm = await screen.findByTestId('confirm-send-test');
    expect(confirm).toBeDisabled();
    await userEvent.type(screen.getByTestId('send-word'), 'real money');
    await userEvent.click(confirm);
    expect(await screen.findByText('this webhook may not buy')).toBeVisible();
  });
});
