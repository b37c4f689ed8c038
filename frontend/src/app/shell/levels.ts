import type { HaltLevel } from '@/api/types';

/** What each level does, in words. */
export const LEVELS: Record<HaltLevel, { name: string; does: string; verb: string }> = {
  no_entries: {
    name: 'No new positions',
    does: 'Nothing new is opened. What is open goes on as before and may be added to.',
    verb: 'Stop new positions',
  },
  reduce_only: {
    name: 'Reduce only',
    does: 'Nothing new is opened and nothing is added to what is open. Positions can only get smaller.',
    verb: 'Reduce only',
  },
  flatten: {
    name: 'Close everything',
    does: 'Every open position is closed at market now. After that nothing new is opened.',
    verb: 'Close everything and halt',
  },
};

export const LEVEL_NAMES = Object.keys(LEVELS) as HaltLevel[];
