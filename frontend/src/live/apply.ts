import type { QueryClient } from '@tanstack/react-query';
import { type HistoryKind, historyKey } from '@/api/history';
import { performanceKey } from '@/api/performance';
import { keys, signalsQuery, tradesQuery, upsert } from '@/api/queries';
import type { LiveMessage, Notice } from '@/api/types';
import { putNotice } from './notices';
import { putHealth, putPosition, putPrices, replacePositions } from './store';

const HISTORY_EVERY_MS = 1_500;

/**
 * Where each message goes: positions, prices and health to the live store; signals and trades to the lists that
 * Query already holds, so that no value lives in two places.
 */
export function createApply(queries: QueryClient, onNotice: (notice: Notice) => void) {
  let snapshots = 0;

  /** An answer on its way may be older than the message: ask again. */
  function settle(queryKey: readonly string[]) {
    if (queries.isFetching({ queryKey }) > 0) void queries.invalidateQueries({ queryKey });
  }

  function refreshRecord(signalId: string | null) {
    if (signalId) void queries.invalidateQueries({ queryKey: keys.flightRecord(signalId) });
  }

  const due = new Set<string>();

  /** Histories are read again, at most once in a while however much happens. */
  function refreshSoon(queryKey: readonly string[]) {
    const name = queryKey.join();
    if (due.has(name)) return;
    due.add(name);
    setTimeout(() => {
      due.delete(name);
      void queries.invalidateQueries({ queryKey });
    }, HISTORY_EVERY_MS);
  }

  const refreshHistory = (kind: HistoryKind) => refreshSoon(historyKey(kind));

  return function apply(message: LiveMessage): void {
    switch (message.type) {
      case 'snapshot':
        replacePositions(message.data.positions, message.data.truncated);
        // What happened while nobody listened is in the lists only.
        if (snapshots++ > 0) {
          void queries.invalidateQueries({ queryKey: keys.trades });
          void queries.invalidateQueries({ queryKey: keys.signals });
          void queries.invalidateQueries({ queryKey: keys.accounts });
          void queries.invalidateQueries({ queryKey: ['history'] });
        }
        return;
      case 'position':
        putPosition(message.data);
        return;
      case 'signal':
        queries.setQueryData(signalsQuery.queryKey, (pages) => upsert(pages, message.data));
        settle(keys.signals);
        refreshRecord(message.data.id);
        return;
      case 'trade':
        queries.setQueryData(tradesQuery.queryKey, (pages) => upsert(pages, message.data));
        settle(keys.trades);
        refreshHistory('trades');
        refreshSoon(performanceKey);
        return;
      case 'order':
        refreshRecord(message.data.signal_id);
        refreshHistory('orders');
        return;
      case 'execution':
        void queries.invalidateQueries({ queryKey: keys.flightRecords });
        refreshHistory('executions');
        return;
      case 'notice':
        putNotice(message.data, message.ts);
        if (message.data.code === 'halted' || message.data.code === 'resumed') {
          void queries.invalidateQueries({ queryKey: keys.accounts });
        }
        onNotice(message.data);
        return;
      case 'price':
        putPrices(message.data.prices, message.ts);
        return;
      case 'health':
        putHealth(message.data);
        return;
      case 'pong':
        return;
      default:
        // A newer server may say more than we know.
        message satisfies never;
    }
  };
}
