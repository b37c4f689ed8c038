import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { toApiError } from '@/api/problem';
import { tradesQuery } from '@/api/queries';
import { TradesList } from '@/entities/trades/TradesList';
import { More } from '@/shared/ui/DataTable';
import { PositionsIcon } from '@/shared/ui/icons';
import { Panel } from '@/shared/ui/Panel';
import { Empty, Failure, LoadingRows } from '@/shared/ui/StateBlock';

/** The last closed trades, newest first, with what they really brought. */
export function TradesPanel() {
  const query = useInfiniteQuery(tradesQuery);
  const trades = query.data?.pages.flatMap(({ items }) => items) ?? [];
  return (
    <Panel
      title="Closed trades"
      aside={trades.length > 0 && <Link to="/history">All, with filters and CSV</Link>}
    >
      {query.isPending && <LoadingRows rows={4} />}
      {query.isError && !query.data && (
        <Failure
          title="Closed trades could not be read"
          error={toApiError(query.error)}
          onRetry={() => query.refetch()}
        />
      )}
      {query.data && trades.length === 0 && (
        <Empty icon={<PositionsIcon size={20} />} title="No closed trades yet">
          When a position closes, its result after fees and funding is listed here with the reason.
        </Empty>
      )}
      {trades.length > 0 && <TradesList trades={trades} />}
      <More pages={query} />
    </Panel>
  );
}
