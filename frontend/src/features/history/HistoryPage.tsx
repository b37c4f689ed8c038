import { Button } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useInfiniteQuery, useMutation, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import {
  exportHistory,
  type HistoryFilter,
  type HistoryItems,
  type HistoryKind,
  historyQuery,
} from '@/api/history';
import { toApiError } from '@/api/problem';
import { accountsQuery, strategiesQuery } from '@/api/queries';
import type { Execution, Order, Trade } from '@/api/types';
import { TradesList } from '@/entities/trades/TradesList';
import { download } from '@/shared/download';
import { More } from '@/shared/ui/DataTable';
import { HistoryIcon } from '@/shared/ui/icons';
import { Panel } from '@/shared/ui/Panel';
import { Empty, Failure, LoadingRows } from '@/shared/ui/StateBlock';
import { ExecutionsList } from './ExecutionsList';
import { Filters } from './Filters';
import styles from './History.module.css';
import { OrdersList } from './OrdersList';
import { dayAgo, type HistorySearch, toFilter, VIEWS } from './search';

const KINDS = Object.keys(VIEWS) as HistoryKind[];

/** The whole of what the filter lets through, not only what is on screen. */
function Export({ kind, filter }: { kind: HistoryKind; filter: HistoryFilter }) {
  const [read, setRead] = useState(0);
  const save = useMutation({
    mutationFn: async () => {
      const parts = await exportHistory(kind, filter, setRead);
      download(`backstop-${kind}-${dayAgo(0, Date.now())}.csv`, parts);
    },
    onError: (thrown) =>
      notifications.show({
        color: 'red',
        title: 'The file could not be made',
        message: toApiError(thrown).message,
      }),
  });
  return (
    <Button
      size="compact-md"
      variant="default"
      disabled={save.isPending}
      data-testid="export-csv"
      onClick={() => {
        setRead(0);
        save.mutate();
      }}
    >
      {save.isPending ? `Reading, ${read} so far…` : 'Export CSV'}
    </Button>
  );
}

function Rows({ kind, items }: { kind: HistoryKind; items: HistoryItems[HistoryKind][] }) {
  if (kind === 'trades') return <TradesList trades={items as Trade[]} />;
  if (kind === 'orders') return <OrdersList items={items as Order[]} />;
  return <ExecutionsList items={items as Execution[]} />;
}

interface HistoryProps {
  search: HistorySearch;
  onSearch: (search: HistorySearch) => void;
}

export function History({ search, onSearch }: HistoryProps) {
  const kind = search.view ?? 'trades';
  const filter = toFilter(search);
  const query = useInfiniteQuery(historyQuery<HistoryKind>(kind, filter));
  const { data: accounts = [] } = useQuery(accountsQuery);
  const { data: strategies = [] } = useQuery(strategiesQuery);
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  const narrowed = Object.keys(filter).length > 0;

  return (
    <Panel title={VIEWS[kind]} aside={items.length > 0 && <Export key={kind} kind={kind} filter={filter} />}>
      <Filters
        view={kind}
        search={search}
        accounts={accounts}
        strategies={strategies}
        onChange={(change) => {
          const entries = Object.entries({ ...search, ...change }).filter(([, value]) => value !== undefined);
          onSearch(Object.fromEntries(entries));
        }}
      />
      {query.isPending && <LoadingRows rows={8} />}
      {query.isError && !query.data && (
        <Failure
          title={`${VIEWS[kind]} could not be read`}
          error={toApiError(query.error)}
          onRetry={() => query.refetch()}
        />
      )}
      {query.data && items.length === 0 && (
        <Empty icon={<HistoryIcon size={20} />} title={narrowed ? 'Nothing matches' : 'Nothing here yet'}>
          {narrowed
            ? 'Nothing of that account, symbol and time is kept. Clear the filter to see all.'
            : 'What is traded is listed here: orders as they are sent, executions as the exchange tells them, trades when a position closes.'}
        </Empty>
      )}
      {items.length > 0 && <Rows kind={kind} items={items} />}
      <More pages={query} />
    </Panel>
  );
}

export function HistoryPage() {
  const search = useSearch({ from: '/shell/history' });
  const navigate = useNavigate();
  return (
    <div className={styles.page}>
      <h1 className={styles.hidden}>History</h1>
      <nav className={styles.views} aria-label="Histories">
        {KINDS.map((kind) => (
          <Link
            key={kind}
            to="/history"
            search={{ ...search, view: kind }}
            className={styles.view}
            aria-current={kind === (search.view ?? 'trades') ? 'page' : undefined}
          >
            {VIEWS[kind]}
          </Link>
        ))}
      </nav>
      <History
        search={search}
        onSearch={(next) => void navigate({ to: '/history', search: next, replace: true })}
      />
    </div>
  );
}
