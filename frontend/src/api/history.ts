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

/** Lists of fills and lists of closed positions are narrowed by different things. */
function narrowed<Place extends object>(
  { position_id, strategy_id, exit_reason, ...common }: HistoryFilter,
  place: Place,
) {
  const fills = { ...common, ...(position_id ? { position_id } : {}), ...place };
  const closings = {
    ...common,
    ...(strategy_id ? { strategy_id } : {}),
    ...(exit_reason ? { exit_reason } : {}),
    ...place,
  };
  return { fills: { params: { query: fills } }, closings: { params: { query: closings } } };
}

async function read<Kind extends HistoryKind>(
  kind: Kind,
  filter: HistoryFilter,
  cursor: string | null,
): Promise<HistoryPage<Kind>> {
  const place = cursor === null ? { limit: PAGE } : { limit: PAGE, cursor };
  const { fills, closings } = narrowed(filter, place);
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
    queryFn: ({ pageParam }) => read(kind, filter, pageParam),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });

/**
 * Everything the filter lets through as the server's own CSV, newest first, in parts as they come; `told` hears how many
 * rows were read so far. Each part but the first is without its heading.
 */
export async function exportHistory(
  kind: HistoryKind,
  filter: HistoryFilter,
  told: (rows: number) => void = () => undefined,
): Promise<string[]> {
  const parts: string[] = [];
  let rows = 0;
  let cursor: string | null = null;
  do {
    const page: { text: string; next: string | null } = await readExport(kind, filter, cursor);
    const heading = page.text.indexOf('\r\n') + 2;
    const body = page.text.slice(heading);
    parts.push(parts.length === 0 ? page.text : body);
    rows += body.split('\r\n').length - 1;
    told(rows);
    cursor = page.next;
  } while (cursor !== null);
  return parts;
}

async function readExport(kind: HistoryKind, filter: HistoryFilter, cursor: string | null) {
  const { fills, closings } = narrowed(filter, cursor === null ? {} : { cursor });
  const parseAs = 'text' as const;
  const call =
    kind === 'trades'
      ? api.GET('/api/exports/trades', { ...closings, parseAs })
      : kind === 'orders'
        ? api.GET('/api/exports/orders', { ...fills, parseAs })
        : api.GET('/api/exports/executions', { ...fills, parseAs });
  const text = await unwrap<string>(call);
  return { text, next: (await call).response.headers.get('X-Next-Cursor') };
}
