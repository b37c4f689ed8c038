import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import { draw } from '@/test/render';
import { account, strategy } from '@/test/samples';
import { answers, refuses } from '@/test/server';
import { AccountForm } from './account/AccountForm';
import { StrategyForm } from './strategy/StrategyForm';
import {
  ALERT_KINDS,
  type AlertKind,
  alertMessage,
  NO_EXTRAS,
  preview,
  samplesFor,
} from './strategy/webhook/alertMessage';
import { MessageBuilder } from './strategy/webhook/MessageBuilder';

describe('the alert message', () => {
  it.each(Object.keys(ALERT_KINDS) as AlertKind[])('for %s is JSON with the secret and the time', (kind) => {
    const message = JSON.parse(alertMessage(kind, 'a"b\\c'));
    expect(message).toMatchObject({ secret: 'a"b\\c', symbol: '{{ticker}}', time: '{{timenow}}' });
  });
});

describe('the preview', () => {
  it('fills in what TradingView would, and names what it would not', () => {
    const samples = samplesFor('BTCUSDT', Date.parse('2026-11-24T10:00:00.400Z'));
    const { text, unknown } = preview(
      alertMessage('strategy', 's', {
        ...NO_EXTRAS,
        qty: '{{strategy.order.contracts}}',
        stop_loss: '{{plot_9}}',
      }),
      samples,
    );
    expect(JSON.parse(text)).toEqual({
      secret: 's',
      action: 'target',
      symbol: 'BTCUSDT.P',
      position: 'long',
      prev_position: 'flat',
      qty: '0.05',
      stop_loss: '{{plot_9}}',
      time: '2026-11-24T10:00:00Z',
    });
    expect(unknown).toEqual(['{{plot_9}}']);
  });

  it('follows what is written', async () => {
    draw(<MessageBuilder strategy={strategy({ symbols: ['ETHUSDT'] })} account={account()} secret={null} />);
    await userEvent.click(await screen.findByText(/Differently from the strategy/));
    await userEvent.type(screen.getByTestId('alert-stop_loss'), '2%');
    expect(JSON.parse(screen.getByTestId('alert-message').textContent ?? '')).toMatchObject({
      action: 'buy',
      stop_loss: '2%',
      secret: 'YOUR_WEBHOOK_SECRET',
    });
    expect(screen.getByTestId('alert-preview')).toHaveTextContent('"symbol": "ETHUSDT.P"');
    await userEvent.click(screen.getByText('Close'));
    expect(screen.getByTestId('alert-message')).not.toHaveTextContent('stop_loss');
  });
});

describe('a new account', () => {
  it('is a simulator unless chosen otherwise, and lays refusals at their field', async () => {
    const sent = refuses('post', '/api/accounts', {
      status: 422,
      title: 'Not valid',
      errors: [{ field: 'api_key', message: 'This key may withdraw.' }],
    });
    draw(<AccountForm onDone={vi.fn()} />);
    await userEvent.type(await screen.findByLabelText('Name'), 'Paper');
    await userEvent.type(screen.getByLabelText('API key'), 'key-1');
    await userEvent.type(screen.getByLabelText('API secret'), 'secret-1');
    await userEvent.click(screen.getByTestId('account-submit'));
    expect(await screen.findByText('This key may withdraw.')).toBeVisible();
    expect(sent).toEqual([
      { label: 'Paper', environment: 'simulator', api_key: 'key-1', api_secret: 'secret-1' },
    ]);
  });
});

describe('a new strategy', () => {
  it('is sent as the API wants it', async () => {
    const sent = answers('post', '/api/strategies', { id: 's1' }, 201);
    const onSaved = vi.fn();
    draw(<StrategyForm accounts={[account()]} onSaved={onSaved} />);
    await userEvent.type(await screen.findByTestId('strategy-name'), 'Trend');
    await userEvent.type(screen.getByTestId('strategy-symbols'), 'btcusdt,ethusdt{Enter}');
    await userEvent.click(screen.getByText('Add a take-profit'));
    await userEvent.type(screen.getByLabelText('Target 1'), '3%');
    await userEvent.click(screen.getByTestId('strategy-submit'));
    await waitFor(() => expect(onSaved).toHaveBeenCalled());
    expect(sent).toEqual([
      {
        account_id: account().id,
        name: 'Trend',
        symbols: ['BTCUSDT', 'ETHUSDT'],
        sizing: { mode: 'quote', value: '100' },
        leverage: '1',
        margin_mode: 'any',
        max_age_s: 30,
        on_opposite: 'reverse',
        max_entries: 1,
        entry: { kind: 'market', expires_s: 60, post_only: false },
        protection: {
          stop_loss: '1.5%',
          take_profit: [{ at: '3%', portion: '100%' }],
          trailing: null,
          break_even: null,
          resident_gap: '0.5%',
          time_exit_s: null,
          trigger_by: 'last',
        },
      },
    ]);
  });

  it('warns when nothing limits the loss', async () => {
    draw(<StrategyForm accounts={[account()]} onSaved={vi.fn()} />);
    await userEvent.clear(await screen.findByTestId('strategy-stop'));
    expect(screen.getByText(/nothing limits what a position can lose/)).toBeVisible();
  });
});

describe('a strategy being changed', () => {
  const known = strategy({
    entry: { kind: 'limit', at: '0.2%', expires_s: 90, post_only: true },
    protection: {
      stop_loss: '2%',
      take_profit: [{ at: '3%', portion: '50%' }],
      trailing: { distance: '0.8%', activation: '1%' },
      break_even: { trigger: '1.2%', offset: '0.1%' },
      resident_gap: '0.7%',
      time_exit_s: 7200,
      trigger_by: 'mark',
    },
  });

  it('keeps every setting that was not touched', async () => {
    const sent = answers('patch', `/api/strategies/${known.id}`, known);
    const onSaved = vi.fn();
    draw(<StrategyForm accounts={[account()]} strategy={known} onSaved={onSaved} />);
    const save = await screen.findByTestId('strategy-submit');
    expect(save).toBeDisabled();
    await userEvent.clear(screen.getByTestId('strategy-leverage'));
    await userEvent.type(screen.getByTestId('strategy-leverage'), '3');
    await userEvent.click(save);
    await waitFor(() => expect(onSaved).toHaveBeenCalled());
    expect(sent).toEqual([
      {
        name: known.name,
        symbols: known.symbols,
        sizing: known.sizing,
        leverage: '3',
        margin_mode: 'any',
        max_age_s: known.max_age_s,
        on_opposite: known.on_opposite,
        max_entries: 1,
        entry: known.entry,
        protection: known.protection,
      },
    ]);
  });

  it('lays what the server refuses at its field', async () => {
    refuses('patch', `/api/strategies/${known.id}`, {
      status: 422,
      title: 'Not valid',
      errors: [{ field: 'protection.trailing.distance', message: 'Too tight.' }],
    });
    draw(<StrategyForm accounts={[account()]} strategy={known} onSaved={vi.fn()} />);
    await userEvent.type(await screen.findByTestId('strategy-name'), '!');
    await userEvent.click(screen.getByTestId('strategy-submit'));
    expect(await screen.findByText('Too tight.')).toBeVisible();
  });

  it('asks for the distance of a limit', async () => {
    draw(<StrategyForm accounts={[account()]} strategy={known} onSaved={vi.fn()} />);
    const at = await screen.findByTestId('strategy-entry-at');
    await userEvent.clear(at);
    await userEvent.type(at, '64000');
    await userEvent.click(screen.getByTestId('strategy-submit'));
    expect(await screen.findByText('A distance like 0.2%.')).toBeVisible();
  });
});
