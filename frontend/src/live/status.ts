import type { LiveState } from './store';

export const QUIET_AFTER_MS = 5_000;
const HEALTH_OLD_AFTER_MS = 10_000;
const GIVE_UP_AFTER = 3;

export type LinkStatus = 'connecting' | 'live' | 'stale' | 'reconnecting' | 'disconnected';

/** What to tell the user about the link to the server. */
export function linkStatus({ link, now }: Pick<LiveState, 'link' | 'now'>): LinkStatus {
  switch (link.phase) {
    case 'open':
      return now - link.lastMessageAt > QUIET_AFTER_MS ? 'stale' : 'live';
    case 'idle':
      return 'disconnected';
    case 'connecting':
    case 'waiting':
      if (link.failures > GIVE_UP_AFTER) return 'disconnected';
      return link.everOpen || link.failures > 0 ? 'reconnecting' : 'connecting';
  }
}

/** Seconds since the last message. */
export const silence = ({ link, now }: Pick<LiveState, 'link' | 'now'>) =>
  Math.max(0, Math.floor((now - link.lastMessageAt) / 1000));

/** The server says every 2 s how it is: what it said longer ago proves nothing. */
export const isHealthOld = ({ healthAt, now }: Pick<LiveState, 'healthAt' | 'now'>) =>
  now - healthAt > HEALTH_OLD_AFTER_MS;
