import { createStore } from 'zustand/vanilla';
import type { Account, HaltLevel } from '@/api/types';

/** What was asked of the engine and has not been seen done: a level, or null to trade again. */
export interface Asked {
  level: HaltLevel | null;
  accounts: readonly string[];
  at: number;
}

export const asked = createStore<{ now: Asked | null }>(() => ({ now: null }));

export function ask(level: HaltLevel | null, accounts: readonly string[]): void {
  asked.setState({ now: { level, accounts, at: Date.now() } });
}

export function clearAsked(): void {
  asked.setState({ now: null });
}

/** Whether the accounts say that it is done; accounts that are gone have nothing left to do. */
export const isDone = ({ level, accounts }: Asked, known: readonly Account[]) =>
  known.every(({ id, halt }) => !accounts.includes(id) || (halt?.level ?? null) === level);
