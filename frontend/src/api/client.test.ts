import { HttpResponse, http } from 'msw';
import { beforeEach, describe, expect, it } from 'vitest';
import { account } from '@/test/samples';
import { answers, pageOf, refuses, server } from '@/test/server';
import { api } from './client';
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
