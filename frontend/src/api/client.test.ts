import { HttpResponse, http } from 'msw';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { account } from '@/test/samples';
import { answers, pageOf, refuses, server } from '@/test/server';
import { confirmIdentity } from './auth';
import { api } from './client';
import { confirmation } from './confirmation';
import { fieldErrors, toApiError, unwrap } from './problem';
import { session, signedIn } from './session';

const user = {
  id: 'u1',
  email: 'a@b.c',
  created_at: '2026-11-24T10:00:00Z',
  second_factor: false,
  backup_codes_left: 0,
};
const pair = (access_token: string) => ({ access_token, token_type: 'Bearer', expires_in: 900, user });

/** The API takes the second token only. */
function expireFirstToken() {
  server.use(
    http.get('*/api/accounts', ({ request }) =>
      request.headers.get('Authorization') === 'Bearer second'
        ? HttpResponse.json(pageOf(account()))
        : HttpResponse.json({ title: 'Log in first' }, { status: 401 }),
    ),
  );
}

const readAccounts = () => unwrap(api.GET('/api/accounts', {}));

describe('an expired access token', () => {
  beforeEach(() => signedIn(pair('first')));

  it('is renewed once however many calls need it, and the calls are sent again', async () => {
    expireFirstToken();
    const refreshes = answers('post', '/api/auth/refresh', pair('second'));
    const pages = await Promise.all([readAccounts(), readAccounts(), readAccounts()]);
    expect(pages.map(({ items }) => items.length)).toEqual([1, 1, 1]);
    expect(refreshes).toHaveLength(1);
  });

  it('ends the session when it cannot be renewed', async () => {
    expireFirstToken();
    refuses('post', '/api/auth/refresh', { status: 401, title: 'Log in' });
    await expect(readAccounts()).rejects.toMatchObject({ status: 401 });
    expect(session.getState()).toEqual({ status: 'anonymous', user: null });
  });

  it('does not end the session when the server cannot say', async () => {
    expireFirstToken();
    refuses('post', '/api/auth/refresh', { status: 503, title: 'Database unavailable' });
    await expect(readAccounts()).rejects.toMatchObject({ status: 503 });
    expect(session.getState().status).toBe('authenticated');
  });
});

describe('a dangerous action', () => {
  beforeEach(() => signedIn(pair('first')));

  /** Refused until the user has proved who they are; tells the keys it was sent under. */
  function guarded() {
    const keys: (string | null)[] = [];
    let proved = false;
    server.use(
      http.post('*/api/auth/confirm', () => {
        proved = true;
        return HttpResponse.json({ expires_in: 300 });
      }),
      http.delete('*/api/accounts/a1', ({ request }) => {
        keys.push(request.headers.get('Idempotency-Key'));
        return proved
          ? new HttpResponse(null, { status: 204 })
          : HttpResponse.json({ title: 'Forbidden', code: 'confirmation_needed' }, { status: 403 });
      }),
    );
    return keys;
  }
  const remove = () =>
    unwrap(api.DELETE('/api/accounts/{account_id}', { params: { path: { account_id: 'a1' } } }));
  const asked = async () => {
    await vi.waitFor(() => expect(confirmation.getState().answer).not.toBeNull());
    return confirmation.getState().answer;
  };

  it('waits for the proof and is then sent again, as the same request', async () => {
    const keys = guarded();
    const removed = remove();
    const answer = await asked();
    await confirmIdentity({ password: 'long enough' });
    answer?.(true);
    await removed;
    expect(keys).toHaveLength(2);
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(keys[1]).toBe(keys[0]);
    expect(confirmation.getState().answer).toBeNull();
  });

  it('is refused when the proof is', async () => {
    guarded();
    const removed = remove();
    (await asked())?.(false);
    await expect(removed).rejects.toMatchObject({ status: 403, code: 'confirmation_needed' });
  });
});

describe('a problem', () => {
  it('says what the server said', async () => {
    refuses('get', '/api/accounts', { status: 409, title: 'Conflict', detail: 'It has an open position.' });
    await expect(readAccounts()).rejects.toMatchObject({
      status: 409,
      message: 'It has an open position.',
      requestId: 'req-1',
    });
  });

  it('says so when nobody answered', async () => {
    server.use(http.get('*/api/accounts', () => HttpResponse.error()));
    await expect(readAccounts()).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('lays its messages at the fields of a form', () => {
    const error = toApiError(new TypeError('x'));
    error.errors.push(
      { field: 'protection.take_profit.0.at', message: 'must be a price' },
      { field: 'name', message: 'is taken' },
      { field: 'body', message: 'is odd' },
    );
    expect(fieldErrors(error, ['name', 'protection.take_profit'])).toEqual({
      'protection.take_profit': 'must be a price',
      name: 'is taken',
      form: 'body: is odd',
    });
  });
});
