import { api } from './client';
import { unwrap } from './problem';
import { signedIn, signedOut } from './session';

export interface Credentials {
  email: string;
  password: string;
}

export async function logIn(body: Credentials): Promise<void> {
  signedIn(await unwrap(api.POST('/api/auth/login', { body })));
}

export async function signUp(body: Credentials): Promise<void> {
  signedIn(await unwrap(api.POST('/api/auth/signup', { body })));
}

/** Forgets the session here even when the server cannot be told. */
export async function logOut(): Promise<void> {
  await api.POST('/api/auth/logout').catch(() => undefined);
  signedOut();
}
