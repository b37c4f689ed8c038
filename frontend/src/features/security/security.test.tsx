import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';
import { session, signedIn } from '@/api/session';
import { draw } from '@/test/render';
import { answers, pageOf, refuses } from '@/test/server';
import { Audit } from './Audit';
import { Password } from './Password';
import { SecondFactor } from './SecondFactor';
import { Sessions } from './Sessions';

const user = {
  id: 'u1',
  email: 'a@b.c',
  created_at: '2026-11-24T10:00:00Z',
  second_factor: false,
  backup_codes_left: 0,
};

describe('the second factor', () => {
  it('is switched on by a code, and shows the backup codes once', async () => {
    signedIn({ access_token: 't', token_type: 'Bearer', expires_in: 900, user });
    answers(
      'post',
      '/api/auth/totp',
      { secret: 'JBSWY3DPEHPK3PXP', uri: 'otpauth://totp/Backstop:a@b.c?secret=J' },
      201,
    );
    draw(<SecondFactor />);
    await userEvent.click(await screen.findByTestId('totp-begin'));
    expect(await screen.findByTestId('totp-secret')).toHaveTextContent('JBSWY3DPEHPK3PXP');
    expect(screen.getByRole('img', { name: /QR code/ })).toBeVisible();

    refuses('post', '/api/auth/totp/enable', { status: 422, title: 'No', detail: 'That is not the code.' });
    await userEvent.type(screen.getByTestId('totp-code'), '000000');
    await userEvent.click(screen.getByTestId('totp-enable'));
    expect(await screen.findByText('That is not the code.')).toBeVisible();

    const sent = answers('post', '/api/auth/totp/enable', { codes: ['aaaa-1111', 'bbbb-2222'] });
    answers('get', '/api/me', { ...user, second_factor: true, backup_codes_left: 2 });
    await userEvent.click(screen.getByTestId('totp-enable'));
    expect(await screen.findByTestId('backup-codes')).toHaveTextContent('aaaa-1111');
    expect(sent).toEqual([{ code: '000000' }]);
    expect(session.getState().user?.second_factor).toBe(true);
    await userEvent.click(screen.getByText('I have kept them'));
    expect(screen.queryByTestId('backup-codes')).toBeNull();
    expect(screen.getByText(/2 backup codes left/)).toBeVisible();
  });
});

describe('the password', () => {
  it('is changed by who knows it', async () => {
    refuses('post', '/api/auth/password', { status: 403, title: 'No', detail: 'The password is wrong.' });
    draw(<Password />);
    await userEvent.type(await screen.findByTestId('password-current_password'), 'old one');
    await userEvent.type(screen.getByTestId('password-new_password'), 'new phrase');
    await userEvent.type(screen.getByTestId('password-again'), 'new');
    await userEvent.click(screen.getByTestId('password-save'));
    expect(screen.getByText('The two are not the same.')).toBeVisible();
    await userEvent.type(screen.getByTestId('password-again'), ' phrase');
    await userEvent.click(screen.getByTestId('password-save'));
    expect(await screen.findByText('The password is wrong.')).toBeVisible();

    const sent = answers('post', '/api/auth/password', {});
    await userEvent.click(screen.getByTestId('password-save'));
    expect(await screen.findByText(/The password was changed/)).toBeVisible();
    expect(sent).toEqual([{ current_password: 'old one', new_password: 'new phrase' }]);
    expect(screen.getByTestId('password-new_password')).toHaveValue('');
  });
});

describe('sessions', () => {
  const open = (id: string, current: boolean) => ({
    id,
    current,
    created_at: '2026-11-24T10:00:00Z',
    last_used_at: '2026-11-24T10:00:00Z',
    expires_at: '2026-12-24T10:00:00Z',
    source_ip: '192.0.2.7',
    user_agent: 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0',
  });

  it('can be ended, but not the one in use', async () => {
    answers('get', '/api/sessions', pageOf(open('s1', true), open('s2', false)));
    const ended = answers('delete', '/api/sessions/s2', {});
    draw(<Sessions />);
    expect(await screen.findAllByText('Firefox on Linux')).toHaveLength(2);
    await userEvent.click(
      screen.getByRole('button', { name: 'End the session of Firefox on Linux, 192.0.2.7' }),
    );
    await waitFor(() => expect(ended).toHaveLength(1));
  });
});

describe('the record', () => {
  it('says what was done in words', async () => {
    answers(
      'get',
      '/api/audit',
      pageOf({
        id: 1,
        at: '2026-11-24T10:00:00Z',
        action: 'strategy.secret_rotated',
        subject: 's1',
        details: { name: 'Trend' },
        session_id: null,
        source_ip: '192.0.2.7',
      }),
    );
    draw(<Audit />);
    const row = await screen.findByTestId('audit-row');
    expect(row).toHaveTextContent('Strategy: secret rotated');
    expect(row).toHaveTextContent('name Trend');
  });
});
