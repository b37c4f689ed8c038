import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import { draw } from '@/test/render';
import { account } from '@/test/samples';
import { answers } from '@/test/server';
import { AccountForm } from './AccountForm';
import { SelfTest } from './SelfTest';

describe('the self-test', () => {
  it('shows each line, and can be asked for', async () => {
    answers('get', `/api/accounts/${account().id}/self-test`, {
      account_id: account().id,
      cause: 'added',
      finished_at: '2026-11-24T10:00:00Z',
      outcome: 'failed',
      running: false,
      lines: [
        {
          code: 'withdrawal',
          title: 'Withdrawals',
          status: 'failed',
          detail: 'This key may withdraw. Make another.',
        },
        { code: 'clock', title: 'Clock', status: 'ok', detail: '12 ms apart.' },
      ],
    });
    const asked = answers('post', `/api/accounts/${account().id}/self-test`, { self_test_id: 't1' }, 202);
    draw(<SelfTest account={account()} />);
    expect(await screen.findByTestId('self-test-withdrawal')).toHaveTextContent('Failed');
    expect(screen.getByTestId('self-test-clock')).toHaveTextContent('OK');
    await userEvent.click(screen.getByTestId('self-test-run'));
    await waitFor(() => expect(asked).toHaveLength(1));
  });
});

describe('an account with real money', () => {
  it('is not added before that is acknowledged in words', async () => {
    draw(<AccountForm onDone={vi.fn()} />);
    await userEvent.selectOptions(await screen.findByTestId('account-environment'), 'mainnet');
    expect(screen.getByTestId('account-submit')).toBeDisabled();
    await userEvent.type(screen.getByTestId('account-word'), 'real money');
    expect(screen.getByTestId('account-submit')).toBeEnabled();
  });
});
