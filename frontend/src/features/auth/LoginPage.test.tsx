import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import { session } from '@/api/session';
import { draw } from '@/test/render';
import { answers, refuses } from '@/test/server';
import { LoginForm } from './LoginPage';
import { RecoveryForm } from './RecoveryForm';

const opened = {
  access_token: 'token',
  token_type: 'Bearer',
  expires_in: 900,
  user: {
    id: 'u1',
    email: 'a@b.c',
    created_at: '2026-11-24T10:00:00Z',
    second_factor: false,
    backup_codes_left: 0,
  },
};

async function fill(email: string, password: string) {
  await userEvent.type(await screen.findByTestId('login-email'), email);
  await userEvent.click(screen.getByTestId('login-password'));
  await userEvent.paste(password);
  await userEvent.click(screen.getByTestId('login-submit'));
}

describe('logging in', () => {
  it('opens the session and goes on', async () => {
    const sent = answers('post', '/api/auth/login', opened);
    const onDone = vi.fn();
    draw(<LoginForm onDone={onDone} onForgotten={vi.fn()} />);
    await fill('a@b.c', 'long enough');
    await waitFor(() => expect(onDone).toHaveBeenCalledOnce());
    expect(sent).toEqual([{ email: 'a@b.c', password: 'long enough' }]);
    expect(session.getState().user?.email).toBe('a@b.c');
  });

  it('asks for a code where a second factor is on', async () => {
    refuses('post', '/api/auth/login', {
      status: 401,
      title: 'No',
      code: 'totp_required',
      detail: 'as totp',
    });
    const onDone = vi.fn();
    draw(<LoginForm onDone={onDone} onForgotten={vi.fn()} />);
    await fill('a@b.c', 'long enough');
    const code = await screen.findByTestId('login-totp');
    expect(screen.queryByText('as totp')).toBeNull();
    const sent = answers('post', '/api/auth/login', opened);
    await userEvent.type(code, ' 123456 ');
    await userEvent.click(screen.getByTestId('login-submit'));
    await waitFor(() => expect(onDone).toHaveBeenCalledOnce());
    expect(sent).toEqual([{ email: 'a@b.c', password: 'long enough', totp: '123456' }]);
  });

  it('shows why it was refused', async () => {
    refuses('post', '/api/auth/login', {
      status: 401,
      title: 'No',
      detail: 'The e-mail address or the password is wrong.',
    });
    draw(<LoginForm onDone={vi.fn()} onForgotten={vi.fn()} />);
    await fill('a@b.c', 'long enough');
    expect(await screen.findByRole('alert')).toHaveTextContent(
      'The e-mail address or the password is wrong.',
    );
  });

  it('asks for what is missing before it sends', async () => {
    draw(<LoginForm onDone={vi.fn()} onForgotten={vi.fn()} />);
    await fill('nobody', 'short');
    expect(screen.getByText('Enter your e-mail address.')).toBeVisible();
    expect(screen.getByText('A password has at least 8 characters.')).toBeVisible();
  });

  it('lays the messages of a sign-up at their fields', async () => {
    refuses('post', '/api/auth/signup', {
      status: 422,
      title: 'Not valid',
      errors: [{ field: 'email', message: 'is in use already' }],
    });
    draw(<LoginForm onDone={vi.fn()} onForgotten={vi.fn()} />);
    await userEvent.click(await screen.findByTestId('login-toggle'));
    await fill('a@b.c', 'long enough');
    expect(await screen.findByText('is in use already')).toBeVisible();
    expect(screen.getByTestId('login-email')).toHaveAccessibleDescription(/is in use already/);
  });

  it('sets a forgotten password anew by a backup code', async () => {
    const sent = refuses('post', '/api/auth/recover', {
      status: 401,
      title: 'No',
      code: 'wrong_credentials',
      detail: 'wrong',
    });
    const onDone = vi.fn();
    draw(<RecoveryForm onDone={onDone} onBack={vi.fn()} />);
    await userEvent.type(await screen.findByTestId('recover-email'), 'a@b.c');
    await userEvent.type(screen.getByTestId('recover-code'), ' aaaa-1111 ');
    await userEvent.type(screen.getByTestId('recover-password'), 'short');
    await userEvent.click(screen.getByTestId('recover-submit'));
    expect(screen.getByText('Use at least 8 characters.')).toBeVisible();
    await userEvent.type(screen.getByTestId('recover-password'), ' no more');
    await userEvent.click(screen.getByTestId('recover-submit'));
    expect(await screen.findByRole('alert')).toHaveTextContent('or, where a second factor is on, the code');
    expect(sent).toEqual([{ email: 'a@b.c', backup_code: 'aaaa-1111', new_password: 'short no more' }]);

    const again = answers('post', '/api/auth/recover', opened);
    await userEvent.type(screen.getByTestId('recover-totp'), '123456');
    await userEvent.click(screen.getByTestId('recover-submit'));
    await waitFor(() => expect(onDone).toHaveBeenCalledOnce());
    expect(again).toMatchObject([{ totp: '123456' }]);
    expect(session.getState().status).toBe('authenticated');
  });

  it('shows the password when asked to', async () => {
    draw(<LoginForm onDone={vi.fn()} onForgotten={vi.fn()} />);
    const password = await screen.findByLabelText('Password');
    expect(password).toHaveAttribute('type', 'password');
    await userEvent.click(screen.getByRole('button', { name: 'Show or hide the password' }));
    expect(password).toHaveAttribute('type', 'text');
  });
});
