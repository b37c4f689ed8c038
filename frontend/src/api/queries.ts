import { type InfiniteData, infiniteQueryOptions, QueryClient, queryOptions } from '@tanstack/react-query';
import { api } from './client';
import { ApiError, unwrap } from './problem';
import type { Interval, Position, Signal, Trade } from './types';

/** One page of a keyset list. */
interface Page<Item> {
  items: Item[];
  next_cursor: string | null;
}
type Pages<Item> = InfiniteData<Page<Item>, unknown>;

export const keys = {
  accounts: ['accounts'] as const,
  strategies: ['strategies'] as const,
  positions: ['positions'] as const,
  trades: ['trades'] as const,
  signals: ['signals'] as const,
  flightRecords: ['flight-record'] as const,
  flightRecord: (id: string) => ['flight-record', id] as const,
};

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 30_000,
        retry: (failures, error) =>
          failures < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
      },
    },
  });
}

/** Every page of a list, for lists that are short by nature. */
async function all<Item>(read: (cursor: string | null) => Promise<Page<Item>>): Promise<Item[]> {
  const items: Item[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<Item> = await read(cursor);
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return items;
}

const query = (cursor: string | null, limit: number) => ({
  params: { query: cursor === null ? { limit } : { limit, cursor } },
});

export const accountsQuery = queryOptions({
  queryKey: keys.accounts,
  queryFn: () => all((cursor) => unwrap(api.GET('/api/accounts', query(cursor, 100)))),
});

export const strategiesQuery = queryOptions({
  queryKey: keys.strategies,
  queryFn: () => all((cursor) => unwrap(api.GET('/api/strategies', query(cursor, 100)))),
});

export const readPositions = (): Promise<Position[]> =>
  all((cursor) => unwrap(api.GET('/api/positions', query(cursor, 100))));

const TESTING_EVERY_MS = 1_000;

/** The last self-test; read again and again while another one is under way. */
export const selfTestQuery = (accountId: string) =>
  queryOptions({
    queryKey: ['self-test', accountId] as const,
    queryFn: () =>
      unwrap(
        api.GET('/api/accounts/{account_id}/self-test', { params: { path: { account_id: accountId } } }),
      ),
    staleTime: 0,
    refetchInterval: ({ state }) => (state.data?.running ? TESTING_EVERY_MS : false),
  });

export const positionQuery = (id: string) =>
  queryOptions({
    queryKey: [...keys.positions, id] as const,
    queryFn: () => unwrap(api.GET('/api/positions/{position_id}', { params: { path: { position_id: id } } })),
  });

const CANDLES = 300;

export const candlesQuery = (id: string, interval: Interval) =>
  queryOptions({
    queryKey: ['candles', id, interval] as const,
    queryFn: () =>
      unwrap(
        api.GET('/api/positions/{position_id}/candles', {
          params: { path: { position_id: id }, query: { interval, limit: CANDLES } },
        }),
      ),
    // Live prices draw the last candle; the exchange's own word corrects it.
    refetchInterval: 60_000,
    placeholderData: (before) => (before?.interval === interval ? before : undefined),
  });

export const tradesQuery = infiniteQueryOptions({
  queryKey: keys.trades,
  queryFn: ({ pageParam }) => unwrap(api.GET('/api/trades', query(pageParam, 20))) as Promise<Page<Trade>>,
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.next_cursor,
});

export const signalsQuery = infiniteQueryOptions({
  queryKey: keys.signals,
  queryFn: ({ pageParam }) => unwrap(api.GET('/api/signals', query(pageParam, 50))) as Promise<Page<Signal>>,
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.next_cursor,
});

export const flightRecordQuery = (id: string) =>
  queryOptions({
    queryKey: keys.flightRecord(id),
    queryFn: () => unwrap(api.GET('/api/signals/{signal_id}', { params: { path: { signal_id: id } } })),
    staleTime: 0,
  });

/** Puts an item into the list it belongs to: in place when known, else on top. */
export function upsert<Item extends { id: string }>(pages: Pages<Item> | undefined, item: Item) {
  if (!pages) return undefined;
  const known = pages.pages.some((page) => page.items.some(({ id }) => id === item.id));
  return {
    ...pages,
    pages: pages.pages.map((page, index) => {
      if (known) return { ...page, items: page.items.map((old) => (old.id === item.id ? item : old)) };
      return index === 0 ? { ...page, items: [item, ...page.items] } : page;
    }),
  };
}
