import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { api } from './client';
import { unwrap } from './problem';
import { session } from './session';
import type { PasswordChange } from './types';

const place = (cursor: string | null) => ({
  params: { query: cursor === null ? { limit: 50 } : { limit: 50, cursor } },
});

export const sessionsKey = ['sessions'] as const;

export const sessionsQuery = queryOptions({
  queryKey: sessionsKey,
  queryFn: () => unwrap(api.GET('/api/sessions', place(null))),
});

export const auditQuery = infiniteQueryOptions({
  queryKey: ['audit'] as const,
  queryFn: ({ pageParam }) => unwrap(api.GET('/api/audit', place(pageParam))),
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.next_cursor,
  staleTime: 0,
});

export const endSession = (id: string) =>
  unwrap(api.DELETE('/api/sessions/{session_id}', { params: { path: { session_id: id } } }));

export const endOtherSessions = () => unwrap(api.POST('/api/sessions/revoke-others'));

/** The user may have changed by what was just done. */
async function refreshUser(): Promise<void> {
  const user = await unwrap(api.GET('/api/me'));
  session.setState({ user });
}

export const beginTotp = () => unwrap(api.POST('/api/auth/totp'));

export async function enableTotp(code: string): Promise<string[]> {
  const { codes } = await unwrap(api.POST('/api/auth/totp/enable', { body: { code } }));
  await refreshUser();
  return codes;
}

export async function disableTotp(): Promise<void> {
  await unwrap(api.DELETE('/api/auth/totp'));
  await refreshUser();
}

export async function renewBackupCodes(): Promise<string[]> {
  const { codes } = await unwrap(api.POST('/api/auth/backup-codes'));
  await refreshUser();
  return codes;
}

/** All other sessions end. */
export const changePassword = (body: PasswordChange) => unwrap(api.POST('/api/auth/password', { body }));
