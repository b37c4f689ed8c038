import { createStore } from 'zustand/vanilla';

interface Confirmation {
  /** Tells those who wait whether the user has proved who they are; null while nobody waits. */
  answer: ((proved: boolean) => void) | null;
}

/** The server opens dangerous actions for a few minutes after a proof; a dialog shows itself while one is asked for. */
export const confirmation = createStore<Confirmation>(() => ({ answer: null }));

let waiting: Promise<boolean> | null = null;

/** Asks the user to prove who they are; one question however many requests need it. */
export function proveIdentity(): Promise<boolean> {
  waiting ??= new Promise<boolean>((resolve) => confirmation.setState({ answer: resolve })).finally(() => {
    waiting = null;
    confirmation.setState({ answer: null });
  });
  return waiting;
}
