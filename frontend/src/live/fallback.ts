import { type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { api } from '@/api/client';
import { toApiError, unwrap } from '@/api/problem';
import { keys, readPositions } from '@/api/queries';
import { useLive } from './hooks';
import { live, mergePositions, putHealth } from './store';

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

/** What the server says of itself until, or while, it cannot push it. */
async function readHealth(): Promise<void> {
  await unwrap(api.GET('/api/health')).then(putHealth, () => undefined);
}

/** Reads positions over REST while the socket does not deliver them, or when they are too many for one message. */
export function usePositionsFallback(): void {
  const queries = useQueryClient();
  const open = useLive(({ link }) => link.phase === 'open');
  const truncated = useLive((state) => state.truncated);
  useEffect(() => void readHealth(), []);
  useEffect(() => {
    if (open && !truncated) return;
    const read = () => {
      void readPositionsNow(queries);
      void readHealth();
    };
    const first = setTimeout(read, truncated ? 0 : PATIENCE_MS);
    const again = setInterval(read, EVERY_MS);
    return () => {
      clearTimeout(first);
      clearInterval(again);
    };
  }, [open, truncated, queries]);
}
