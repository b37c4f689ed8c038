import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import { draw } from '@/test/render';
import { account } from '@/test/samples';
import { answers, refuses } from '@/test/server';
import { AccountForm } from './AccountForm';
import { ALERT_KINDS, type AlertKind, alertMessage } from './alertMessage';
import { StrategyForm } from './StrategyForm';

describe('the alert message', () => {
  it.each(Object.keys(ALERT_KINDS) as AlertKind[])('for %s is JSON with the secret and the time', (kind) => {
    const message = JSON.parse(alertMessage(kind, 'a"b\\c'));
    expect(message).toMatchObject({ secret: 'a"b\\c', symbol: '{{ticker}}', time: '{{timenow}}' });
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
    const onCreated = vi.fn();
    draw(<StrategyForm accounts={[account()]} onCreated={onCreated} />);
    await userEvent.type(await screen.findByTestId('strategy-name'), 'Trend');
    await userEvent.type(screen.getByTestId('strategy-symbols'), 'btcusdt,ethusdt{Enter}');
    await userEvent.click(screen.getByText('Add a take-profit'));
    await userEvent.type(screen.getByLabelText('Target 1'), '3%');
    await userEvent.click(screen.getByTestId('strategy-submit'));
    await waitFor(() => expect(onCreated).toHaveBeenCalled());
    expect(sent).toEqual([
      {
        account_id: account().id,
        name: 'Trend',
        symbols: ['BTCUSDT', 'ETHUSDT'],
        sizing: { mode: 'quote', value: '100' },
        leverage: '1',
        max_age_s: 30,
        on_opposite: 'reverse',
        protection: { stop_loss: '1.5%', take_profit: [{ at: '3%', portion: '100%' }] },
      },
    ]);
  });

  it('warns when nothing limits the loss', async () => {
    draw(<StrategyForm accounts={[account()]} onCreated={vi.fn()} />);
    await userEvent.clear(await screen.findByTestId('strategy-stop'));
    expect(screen.getByText(/nothing limits what a position can lose/)).toBeVisible();
  });
});
