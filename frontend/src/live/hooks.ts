import { useStore } from 'zustand';
import { type LiveState, live } from './store';

/** A live value; the component renders when the selected value changes, so select primitives or stable objects. */
export function useLive<T>(selector: (state: LiveState) => T): T {
  return useStore(live, selector);
}

/** The server's time, once a second. */
export const useServerNow = () => useLive((state) => state.now + state.clockOffset);
