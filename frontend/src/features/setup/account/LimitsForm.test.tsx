import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import { draw } from '@/test/render';
import { account } from '@/test/samples';
import { answers, refuses } from '@/test/server';
import { LimitsForm } from './LimitsForm';

const limited = account({ limits: { daily_loss_pct: '5', max_open_positions: 3, symbols: ['BTCUSDT'] } });
const path = `/api/accounts/${limited.id}`;

describe('the limits of an account', () => {
  it('are all sent, what is empty as no limit', async () => {
    const sent = answers('patch', path, limited);
    const onDone = vi.fn();
    draw(<LimitsForm account={limited} onDone={onDone} />);
    await userEvent.clear(await screen.findByTestId('limit-max_open_positions'));
    await userEvent.type(screen.getByTestId('limit-max_notional'), '2500.50');
    await userEvent.type(screen.getByTestId('limit-symbols'), 'ethusdt{Enter}');
    await userEvent.click(screen.getByTestId('limits-submit'));
    await waitFor(() => expect(onDone).toHaveBeenCalled());
    expect(sent).toEqual([
      {
        limits: {
          daily_loss_pct: '5',
          max_open_positions: null,
          max_notional: '2500.50',
          max_position_notional: null,
          max_leverage: null,
          symbols: ['BTCUSDT', 'ETHUSDT'],
          max_orders_per_minute: null,
          max_orders_per_day: null,
          cooldown_s: null,
          windows: null,
        },
      },
    ]);
  });

  it('hold entries to windows by the clock of a zone', async () => {
    const open = account({ limits: { windows: [{ start: '22:00', end: '06:00' }] } });
    const sent = answers('patch', path, open);
    const onDone = vi.fn();
    draw(<LimitsForm account={open} onDone={onDone} />);
    expect(await screen.findByText('Goes on into the next day.')).toBeVisible();
    const first = within(screen.getByTestId('window-0'));
    for (const day of ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']) {
      await userEvent.click(first.getByLabelText(day));
    }
    await userEvent.click(screen.getByTestId('limits-submit'));
    expect(await screen.findByText(/Window 1 needs at least one day/)).toBeVisible();
    await userEvent.click(first.getByLabelText('Sun'));
    await userEvent.click(first.getByLabelText('Mon'));
    await userEvent.selectOptions(first.getByLabelText('By the clock of'), 'Europe/Berlin');
    await userEvent.click(screen.getByTestId('limits-submit'));
    await waitFor(() => expect(onDone).toHaveBeenCalled());
    expect(sent).toMatchObject([
      {
        limits: { windows: [{ days: ['mon', 'sun'], start: '22:00', end: '06:00', zone: 'Europe/Berlin' }] },
      },
    ]);
  });

  it('refuse what is no limit, here and at the field the server names', async () => {
    refuses('patch', path, {
      status: 422,
      title: 'Not valid',
      errors: [{ field: 'limits.daily_loss_pct', message: 'Too fine.' }],
    });
    draw(<LimitsForm account={limited} onDone={vi.fn()} />);
    const positions = await screen.findByTestId('limit-max_open_positions');
    await userEvent.clear(positions);
    await userEvent.type(positions, '1.5');
    await userEvent.click(screen.getByTestId('limits-submit'));
    expect(await screen.findByText('A whole number above 0, or nothing.')).toBeVisible();
    await userEvent.clear(positions);
    await userEvent.click(screen.getByTestId('limits-submit'));
    expect(await screen.findByText('Too fine.')).toBeVisible();
  });
});
