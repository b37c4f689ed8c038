import { Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useMemo } from 'react';
import { equityQuery, type PerformanceFilter } from '@/api/performance';
import { toApiError } from '@/api/problem';
import { parse, subtract } from '@/shared/decimal';
import { money, signed } from '@/shared/format';
import { OverviewIcon } from '@/shared/ui/icons';
import { Panel } from '@/shared/ui/Panel';
import { Empty, Failure } from '@/shared/ui/StateBlock';
import styles from './Overview.module.css';

const EquityChart = lazy(() => import('./EquityChart'));
const HUNDRED = 100;

/** A share of 1 as percent, for people. */
export const percent = (share: string | null) =>
  share === null ? '—' : `${(Number(share) * HUNDRED).toFixed(1)} %`;

/** What the accounts were worth, open profits counted. */
export function EquityPanel({ filter }: { filter: PerformanceFilter }) {
  const query = useQuery(equityQuery(filter));
  const known = useMemo(
    () => (query.data?.points ?? []).filter(({ equity }) => equity !== null),
    [query.data],
  );
  const dots = useMemo(
    () => known.map(({ at, equity }) => ({ time: Date.parse(at) / 1000, value: Number(equity) })),
    [known],
  );
  const [first, last] = [parse(known[0]?.equity), parse(known.at(-1)?.equity)];
  const change = first && last && subtract(last, first);
  const label = `Equity from ${money(first)} to ${money(last)} USDT, ${signed(change)}`;

  return (
    <Panel
      title="Equity"
      aside={
        query.data &&
        known.length > 0 && (
          <span className={`num ${styles.dim}`}>
            {signed(change)} USDT · largest fall {money(query.data.max_drawdown)} USDT (
            {percent(query.data.max_drawdown_share)})
          </span>
        )
      }
    >
      {query.isError && !query.data && (
        <Failure
          title="The equity curve could not be read"
          error={toApiError(query.error)}
          onRetry={() => query.refetch()}
        />
      )}
      {query.data && known.length === 0 && (
        <Empty icon={<OverviewIcon size={20} />} title="No equity read yet">
          It is read at the exchange while an account is connected; the curve grows from then on.
        </Empty>
      )}
      {(query.isPending || known.length > 0) && (
        <div className={styles.curve}>
          {query.isPending ? (
            <Skeleton height="100%" radius={0} />
          ) : (
            <Suspense fallback={<Skeleton height="100%" radius={0} />}>
              <EquityChart dots={dots} label={label} />
            </Suspense>
          )}
        </div>
      )}
    </Panel>
  );
}
