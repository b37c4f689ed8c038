import { createStore } from 'zustand/vanilla';
import { problemOf } from './problem';
import type { Session, User } from './types';

interface SessionState {
  status: 'unknown' | 'anonymous' | 'authenticated';
  user: User | null;
}

export const session = createStore<SessionState>(() => ({ status: 'unknown', user: null }));

/** Never stored anywhere but here: it is gone when the page is. */
let accessToken: string | null = null;
let refreshing: Promise<boolean> | null = null;

export const currentToken = () => accessToken;

export function signedIn(answer: Session): void {
  accessToken = answer.access_token;
  session.setState({ status: 'authenticated', user: answer.user });
}

export function signedOut(): void {
  accessToken = null;
  session.setState({ status: 'anonymous', user: null });
}

async function askForSession(): Promise<boolean> {
  const request = () => fetch('/api/auth/refresh', { method: 'POST', credentials: 'same-origin' });
  // One tab at a time: the cookie is rotated, and two tabs must not spend the same one.
  const response: Response = navigator.locks
    ? await navigator.locks.request('backstop-refresh', request)
    : await request();
  if (response.ok) {
    signedIn((await response.json()) as Session);
    return true;
  }
  if (response.status >= 500) throw await problemOf(response);
  signedOut();
  return false;
}

/**
 * Trades the HttpOnly cookie for a new access token. However many callers need one, one request is made.
 * False when the session is over; throws when the server could not be asked.
 */
export function refreshSession(): Promise<boolean> {
  refreshing ??= askForSession().finally(() => {
    refreshing = null;
  });
  return refreshing;
}
