import { act, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Position } from '@/api/types';
import {
  flushPrices,
  putEnvironments,
  putPosition,
  putPrices,
  replacePositions,
  setLink,
} from '@/live/store';
import { draw } from '@/test/render';
import { account, position } from '@/test/samples';
import { answers, pageOf, refuses } from '@/test/server';
import { OpenPositions } from './PositionsPage';

function open(...positions: Position[]) {
  replacePositions(positions);
  putEnvironments({ [account().id]: 'simulator' });
  setLink({ phase: 'open', lastMessageAt: Date.now() });
  const now = Date.now();
  draw(<OpenPositions />);
  act(() => {
    putPrices([{ symbol: 'BTCUSDT', environment: 'simulator', last: '65500', mark: '65500', ts: now }], now);
    flushPrices();
  });
}

beforeEach(() => {
  answers('get', '/api/accounts', pageOf(account()));
});

async function protect() {
  await userEvent.click(await screen.findByTestId('protect-BTCUSDT'));
  return screen.findByRole('dialog', { name: 'Protect BTCUSDT long' });
}

async function write(field: HTMLElement, text: string) {
  await userEvent.clear(field);
  await userEvent.type(field, text);
}

describe('changing protection', () => {
  it('shows old and new, and sends only the stop that moved', async () => {
    const sent = answers('patch', '/api/positions/p1/protection', { command_id: 'c1' }, 202);
    open(position());
    const dialog = await protect();
    const button = within(dialog).getByTestId('protect-send');
    expect(button).toBeDisabled();

    await write(within(dialog).getByTestId('protect-stop'), '64500');
    expect(dialog).toHaveTextContent('≈ −10.00 USDT');
    expect(within(dialog).getByTestId('protection-changes')).toHaveTextContent('64,025 → 64,500');
    expect(button).toHaveTextContent('Move the stop');
    await userEvent.click(button);
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
    expect(sent).toEqual([{ stop_loss: '64500' }]);
  });

  it('does not send a stop the price has passed', async () => {
    open(position());
    const dialog = await protect();
    await write(within(dialog).getByTestId('protect-stop'), '65600');
    expect(dialog).toHaveTextContent('Not on the losing side of the last price 65500.');
    expect(within(dialog).getByTestId('protect-send')).toBeDisabled();
  });

  it('warns of a target that is reached already, and of a ladder that closes too much', async () => {
    open(position());
    const dialog = await protect();
    await write(within(dialog).getByTestId('protect-target-1'), '65400');
    expect(dialog).toHaveTextContent('Reached already: it closes at once');
    await userEvent.click(within(dialog).getByText('Add a target'));
    await write(within(dialog).getByTestId('protect-target-2'), '4%');
    expect(within(dialog).getByTestId('protect-send')).toBeEnabled();
    await write(within(dialog).getAllByLabelText('Closes')[1] as HTMLElement, '60%');
    expect(dialog).toHaveTextContent('Together they close more than 100%.');
    expect(within(dialog).getByTestId('protect-send')).toBeDisabled();
  });

  it('does not set back a stop that trailed while the form was open', async () => {
    const sent = answers('patch', '/api/positions/p1/protection', { command_id: 'c1' }, 202);
    open(position());
    const dialog = await protect();
    act(() => putPosition(position({ stop_loss: '64300' })));
    expect(within(dialog).getByTestId('protect-stop')).toHaveValue('64300');
    await userEvent.click(within(dialog).getByRole('button', { name: 'Remove target 1' }));
    await userEvent.click(within(dialog).getByTestId('protect-send'));
    await waitFor(() => expect(sent).toEqual([{ take_profit: [] }]));
  });

  it('sends what moves the stop, and switches off what is emptied', async () => {
    const sent = answers('patch', '/api/positions/p1/protection', { command_id: 'c1' }, 202);
    open(position({ break_even: { trigger: '1%', offset: '0%' }, time_exit_s: 7200 }));
    const dialog = await protect();
    expect(within(dialog).getByTestId('protect-time-exit')).toHaveValue('2');
    await write(within(dialog).getByTestId('protect-trailing'), '0.8 %');
    await userEvent.clear(within(dialog).getByTestId('protect-break-even'));
    await write(within(dialog).getByTestId('protect-time-exit'), '3');
    const changes = within(dialog).getByTestId('protection-changes');
    expect(changes).toHaveTextContent('off → 0.8% behind');
    expect(changes).toHaveTextContent('at 1% → off');
    await userEvent.click(within(dialog).getByTestId('protect-send'));
    await waitFor(() =>
      expect(sent).toEqual([
        { trailing: { distance: '0.8%', activation: null }, break_even: null, time_exit_s: 10_800 },
      ]),
    );
  });

  it('does not send what is no distance, nor an activation of nothing', async () => {
    open(position());
    const dialog = await protect();
    await userEvent.type(within(dialog).getByLabelText('From this profit or price on'), '2%');
    expect(dialog).toHaveTextContent('How far behind the best price?');
    await userEvent.type(within(dialog).getByTestId('protect-trailing'), 'much');
    expect(dialog).toHaveTextContent('A distance like 0.8% or 500.');
    expect(within(dialog).getByTestId('protect-send')).toBeDisabled();
  });

  it('says why it was refused and stays', async () => {
    refuses('patch', '/api/positions/p1/protection', { status: 409, title: 'Conflict', detail: 'Too late.' });
    open(position());
    const dialog = await protect();
    await write(within(dialog).getByTestId('protect-stop'), '64500');
    await userEvent.click(within(dialog).getByTestId('protect-send'));
    expect(await within(dialog).findByText('Too late.')).toBeVisible();
  });
});

describe('closing a part', () => {
  it('takes any percentage', async () => {
    const sent = answers('post', '/api/positions/p1/close', { command_id: 'c1' }, 202);
    open(position());
    await userEvent.click(await screen.findByTestId('close-BTCUSDT'));
    await userEvent.click(await screen.findByText('Other'));
    const confirm = screen.getByTestId('confirm-close');
    expect(confirm).toBeDisabled();
    await userEvent.type(screen.getByTestId('close-percent'), '101');
    expect(confirm).toBeDisabled();
    await write(screen.getByTestId('close-percent'), '33.3');
    expect(screen.getByTestId('confirm-qty')).toHaveTextContent('0.00666 BTC of 0.02');
    await userEvent.click(confirm);
    await waitFor(() => expect(sent).toEqual([{ portion: '33.3%' }]));
  });
});

describe('closing all', () => {
  it('waits for the word, closes each, and names the refused', async () => {
    const first = answers('post', '/api/positions/p1/close', { command_id: 'c1' }, 202);
    refuses('post', '/api/positions/p2/close', {
      status: 503,
      title: 'Busy',
      detail: 'The database is away.',
    });
    open(
      position(),
      position({ id: 'p2', symbol: 'ETHUSDT' }),
      position({ id: 'p3', symbol: 'SOLUSDT', status: 'closing' }),
    );
    await userEvent.click(await screen.findByTestId('close-all'));
    const confirm = await screen.findByTestId('confirm-close-all');
    expect(confirm).toBeDisabled();
    await userEvent.type(screen.getByTestId('close-all-word'), 'close all');
    await userEvent.click(confirm);
    expect(await screen.findByText(/ETHUSDT: The database is away\./)).toBeVisible();
    expect(first).toEqual([{ portion: '100%' }]);
  });
});
