import { infiniteQueryOptions } from '@tanstack/react-query';
import { api } from './client';
import { unwrap } from './problem';
import type { paths } from './schema';
import type { Execution, Order, Trade } from './types';

/** What is kept of the past, each a keyset list. */
export interface HistoryItems {
  trades: Trade;
  orders: Order;
  executions: Execution;
}
export type HistoryKind = keyof HistoryItems;

type QueryOf<Kind extends HistoryKind> = NonNullable<paths[`/api/${Kind}`]['get']['parameters']['query']>;
type Plain<T> = Omit<T, 'limit' | 'cursor'>;
/** What a history may be narrowed to; a list that cannot be narrowed so does not get it. */
export type HistoryFilter = Plain<QueryOf<'trades'>> & Plain<QueryOf<'orders'>>;

interface HistoryPage<Kind extends HistoryKind> {
  items: HistoryItems[Kind][];
  next_cursor: string | null;
}

const PAGE = 50;
const LARGEST_PAGE = 200;

async function read<Kind extends HistoryKind>(
  kind: Kind,
  { position_id, strategy_id, exit_reason, ...common }: HistoryFilter,
  cursor: string | null,
  limit: number,
): Promise<HistoryPage<Kind>> {
  const place = cursor === null ? { limit } : { limit, cursor };
  const fills = { params: { query: { ...common, ...(position_id ? { position_id } : {}), ...place } } };
  const closings = {
    params: {
      query: {
        ...common,
        ...(strategy_id ? { strategy_id } : {}),
        ...(exit_reason ? { exit_reason } : {}),
        ...place,
      },
    },
  };
  const page =
    kind === 'trades'
      ? unwrap(api.GET('/api/trades', closings))
      : kind === 'orders'
        ? unwrap(api.GET('/api/orders', fills))
        : unwrap(api.GET('/api/executions', fills));
  return (await page) as HistoryPage<Kind>;
}

export const historyKey = (kind: HistoryKind) => ['history', kind] as const;

export const historyQuery = <Kind extends HistoryKind>(kind: Kind, filter: HistoryFilter) =>
  infiniteQueryOptions({
    queryKey: [...historyKey(kind), filter] as const,
    queryFn: ({ pageParam }) => read(kind, filter, pageParam, PAGE),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });

/** Everything the filter lets through, newest first; `told` hears how many were read so far. */
export async function readHistory<Kind extends HistoryKind>(
  kind: Kind,
  filter: HistoryFilter,
  told: (read: number) => void = () => undefined,
): Promise<HistoryItems[Kind][]> {
  const items: HistoryItems[Kind][] = [];
  let cursor: string | null = null;
  do {
    const page: HistoryPage<Kind> = await read(kind, filter, cursor, LARGEST_PAGE);
    items.push(...page.items);
    told(items.length);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return items;
}
