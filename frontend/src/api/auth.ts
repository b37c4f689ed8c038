import { api } from './client';
import { unwrap } from './problem';
import { signedIn, signedOut } from './session';
import type { Confirmation, Recovery } from './types';

export interface Credentials {
  email: string;
  password: string;
  /** Of the authenticator, or a backup code. */
  totp?: string;
}

export async function logIn(body: Credentials): Promise<void> {
  signedIn(await unwrap(api.POST('/api/auth/login', { body })));
}

export async function signUp(body: Omit<Credentials, 'totp'>): Promise<void> {
  signedIn(await unwrap(api.POST('/api/auth/signup', { body })));
}

/** A new password by a backup code; where a second factor is on, with a code of it too. Every other session ends. */
export async function recover(body: Recovery): Promise<void> {
  signedIn(await unwrap(api.POST('/api/auth/recover', { body })));
}

/** Opens dangerous actions to this session for a few minutes. */
export const confirmIdentity = (body: Confirmation) => unwrap(api.POST('/api/auth/confirm', { body }));

/** Forgets the session here even when the server cannot be told. */
export async function logOut(): Promise<void> {
  await api.POST('/api/auth/logout').catch(() => undefined);
  signedOut();
}
