import { NativeSelect, SegmentedControl } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';
import type { PerformanceFilter } from '@/api/performance';
import { accountsQuery } from '@/api/queries';
import { Calendar } from './Calendar';
import { EquityPanel } from './EquityPanel';
import { NowFigures } from './Figures';
import styles from './Overview.module.css';
import { type OverviewSearch, PERIODS, type Period, sinceOf } from './period';
import { Quality, Results } from './Results';

interface OverviewProps {
  search: OverviewSearch;
  onSearch: (search: OverviewSearch) => void;
}

export function Overview({ search, onSearch }: OverviewProps) {
  const { period = '30d', account } = search;
  const { data: accounts = [] } = useQuery(accountsQuery);
  const of = useMemo(() => (account ? { account_id: account } : {}), [account]);
  const filter = useMemo<PerformanceFilter>(() => {
    const since = sinceOf(period, Date.now());
    return since ? { ...of, since } : of;
  }, [period, of]);
  return (
    <div className={styles.page}>
      <h1 className={styles.hidden}>Overview</h1>
      <NowFigures filter={filter} />
      <div className={styles.controls}>
        <SegmentedControl
          aria-label="Period"
          value={period}
          onChange={(value) => onSearch({ ...search, period: value as Period })}
          data={Object.entries(PERIODS).map(([value, label]) => ({ value, label }))}
        />
        {accounts.length > 1 && (
          <NativeSelect
            aria-label="Account"
            value={account ?? ''}
            onChange={(event) => {
              const { account: _, ...rest } = search;
              const chosen = event.currentTarget.value;
              onSearch(chosen ? { ...rest, account: chosen } : rest);
            }}
            data={[
              { value: '', label: 'All accounts' },
              ...accounts.map(({ id, label }) => ({ value: id, label })),
            ]}
          />
        )}
      </div>
      <EquityPanel filter={filter} />
      <Results filter={filter} />
      <div className={styles.halves}>
        <Calendar filter={of} />
        <Quality filter={filter} />
      </div>
    </div>
  );
}

export function OverviewPage() {
  const search = useSearch({ from: '/shell/overview' });
  const navigate = useNavigate();
  return (
    <Overview
      search={search}
      onSearch={(next) => void navigate({ to: '/overview', search: next, replace: true })}
    />
  );
}
