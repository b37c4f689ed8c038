import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { api } from './client';
import { unwrap } from './problem';
import type { paths } from './schema';

type StatsQuery = NonNullable<paths['/api/stats']['get']['parameters']['query']>;
export type GroupBy = NonNullable<StatsQuery['by']>;

/** Which accounts and since when; nothing is all of it. */
export interface PerformanceFilter {
  account_id?: string;
  since?: string;
}

/** Of everything below: a trade changes all of it. */
export const performanceKey = ['performance'] as const;

const EVERY_MS = 60_000;
const shared = { refetchInterval: EVERY_MS, placeholderData: keepPreviousData };

export const statsQuery = (filter: PerformanceFilter, by?: GroupBy) =>
  queryOptions({
    queryKey: [...performanceKey, 'stats', filter, by ?? null] as const,
    queryFn: () =>
      unwrap(api.GET('/api/stats', { params: { query: by ? { ...filter, by } : { ...filter } } })),
    ...shared,
  });

export const equityQuery = (filter: PerformanceFilter) =>
  queryOptions({
    queryKey: [...performanceKey, 'equity', filter] as const,
    queryFn: () => unwrap(api.GET('/api/equity', { params: { query: { ...filter } } })),
    ...shared,
  });

export const qualityQuery = (filter: PerformanceFilter) =>
  queryOptions({
    queryKey: [...performanceKey, 'quality', filter] as const,
    queryFn: () => unwrap(api.GET('/api/stats/execution', { params: { query: { ...filter } } })),
    ...shared,
  });
