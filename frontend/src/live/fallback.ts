import { type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { toApiError } from '@/api/problem';
import { keys, readPositions } from '@/api/queries';
import { useLive } from './hooks';
import { live, mergePositions } from './store';

const PATIENCE_MS = 3_000;
const EVERY_MS = 5_000;

/** Reads the positions into the live store, or says there why that failed. */
export async function readPositionsNow(queries: QueryClient): Promise<void> {
  try {
    mergePositions(
      await queries.fetchQuery({ queryKey: keys.positions, queryFn: readPositions, staleTime: 0 }),
    );
  } catch (thrown) {
    live.setState({ failure: toApiError(thrown) });
  }
}

/** Reads positions over REST while the socket does not deliver them, or when they are too many for one message. */
export function usePositionsFallback(): void {
  const queries = useQueryClient();
  const open = useLive(({ link }) => link.phase === 'open');
  const truncated = useLive((state) => state.truncated);
  useEffect(() => {
    if (open && !truncated) return;
    const read = () => void readPositionsNow(queries);
    const first = setTimeout(read, truncated ? 0 : PATIENCE_MS);
    const again = setInterval(read, EVERY_MS);
    return () => {
      clearTimeout(first);
      clearInterval(again);
    };
  }, [open, truncated, queries]);
}
