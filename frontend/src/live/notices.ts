import { createStore } from 'zustand/vanilla';
import type { Notice } from '@/api/types';

export interface KeptNotice extends Notice {
  id: number;
  /** When the server said it, in UTC milliseconds. */
  at: number;
}

interface NoticesState {
  /** Newest first. */
  list: readonly KeptNotice[];
  /** Warnings and errors nobody has looked at. */
  unread: number;
}

const KEPT = 50;
let last = 0;

/** What the server said of itself since this page was opened. */
export const notices = createStore<NoticesState>(() => ({ list: [], unread: 0 }));

export function putNotice(notice: Notice, at: number): void {
  last += 1;
  const kept = { ...notice, id: last, at };
  notices.setState(({ list, unread }) => ({
    list: [kept, ...list].slice(0, KEPT),
    unread: notice.level === 'info' ? unread : unread + 1,
  }));
}

export function readNotices(): void {
  notices.setState({ unread: 0 });
}

export function clearNotices(): void {
  notices.setState({ list: [], unread: 0 });
}
