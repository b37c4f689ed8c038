import { SegmentedControl } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { type GroupBy, type PerformanceFilter, qualityQuery, statsQuery } from '@/api/performance';
import { toApiError } from '@/api/problem';
import type { ExecutionQuality, StatsGroup } from '@/api/types';
import { duration, latency, money, number, UNKNOWN, words } from '@/shared/format';
import { DataTable } from '@/shared/ui/DataTable';
import { Figure, Figures } from '@/shared/ui/Figures';
import { OverviewIcon } from '@/shared/ui/icons';
import { Panel } from '@/shared/ui/Panel';
import { Pnl } from '@/shared/ui/Pnl';
import { Empty, Failure, LoadingRows } from '@/shared/ui/StateBlock';
import { percent } from './EquityPanel';
import styles from './Overview.module.css';

const FEW = 20;
const BY: Partial<Record<GroupBy, string>> = {
  strategy: 'Strategy',
  symbol: 'Symbol',
  exit_reason: 'Closed by',
  side: 'Side',
};

function Groups({ groups, by }: { groups: StatsGroup[]; by: GroupBy }) {
  return (
    <DataTable label={`Results by ${BY[by]}`} dense>
      <thead>
        <tr>
          <th scope="col">{BY[by]}</th>
          <th scope="col" data-numeric>
            Trades
          </th>
          <th scope="col" data-numeric>
            Won
          </th>
          <th scope="col" data-numeric>
            Net P/L, USDT
          </th>
          <th scope="col" data-numeric title="What winners made over what losers lost">
            Profit factor
          </th>
          <th scope="col" data-numeric title="Mean net profit of a trade">
            Expectancy
          </th>
          <th scope="col" data-numeric>
            Fees
          </th>
          <th scope="col" data-numeric>
            Held on average
          </th>
        </tr>
      </thead>
      <tbody>
        {groups.map((group) => (
          <tr key={group.key} data-testid="stats-group">
            <th scope="row">{by === 'exit_reason' || by === 'side' ? words(group.label) : group.label}</th>
            <td data-numeric>{group.trades}</td>
            <td data-numeric>{percent(group.win_rate)}</td>
            <td data-numeric>
              <Pnl value={group.net_pnl} />
            </td>
            <td data-numeric>{group.profit_factor === null ? UNKNOWN : money(group.profit_factor)}</td>
            <td data-numeric>
              <Pnl value={group.expectancy} />
            </td>
            <td data-numeric>{money(group.fees)}</td>
            <td data-numeric>
              {group.avg_duration_s === null ? UNKNOWN : duration(group.avg_duration_s * 1000)}
            </td>
          </tr>
        ))}
      </tbody>
    </DataTable>
  );
}

/** How the trades closed in a period went; every number is the server's. */
export function Results({ filter }: { filter: PerformanceFilter }) {
  const [by, setBy] = useState<GroupBy>('strategy');
  const query = useQuery(statsQuery(filter, by));
  const stats = query.data;
  return (
    <Panel
      title="Results"
      aside={
        <SegmentedControl
          size="xs"
          aria-label="Results by"
          value={by}
          onChange={(value) => setBy(value as GroupBy)}
          data={Object.entries(BY).map(([value, label]) => ({ value, label }))}
        />
      }
    >
      {query.isPending && <LoadingRows rows={5} />}
      {query.isError && !stats && (
        <Failure
          title="Statistics could not be read"
          error={toApiError(query.error)}
          onRetry={() => query.refetch()}
        />
      )}
      {stats?.trades === 0 && (
        <Empty icon={<OverviewIcon size={20} />} title="No trade closed in this period">
          Choose a longer period, or wait for the first position to close.
        </Empty>
      )}
      {stats && stats.trades > 0 && (
        <>
          <div className={styles.figures}>
            <Figures label="Results">
              <Figure name="Net P/L" unit="USDT" note={`gross ${money(stats.gross_pnl)}`}>
                <Pnl value={stats.net_pnl} data-testid="net-pnl" />
              </Figure>
              <Figure name="Trades" note={`${stats.wins} won, ${stats.losses} lost`}>
                <span className="num">{stats.trades}</span>
              </Figure>
              <Figure name="Win rate" note={stats.trades < FEW ? 'too few trades to judge' : 'of all trades'}>
                <span className="num">{percent(stats.win_rate)}</span>
              </Figure>
              <Figure
                name="Profit factor"
                note={`won ${money(stats.avg_win)}, lost ${money(stats.avg_loss)} on average`}
              >
                <span className="num">
                  {stats.profit_factor === null ? UNKNOWN : money(stats.profit_factor)}
                </span>
              </Figure>
              <Figure
                name="Largest fall"
                unit="USDT"
                note={`best ${money(stats.best)}, worst ${money(stats.worst)}`}
              >
                <span className="num">{money(stats.max_drawdown)}</span>
              </Figure>
              <Figure name="Fees" unit="USDT" note={`funding ${money(stats.funding)}`}>
                <span className="num">{money(stats.fees)}</span>
              </Figure>
            </Figures>
          </div>
          <Groups groups={stats.groups} by={by} />
        </>
      )}
    </Panel>
  );
}

type Step = Exclude<keyof ExecutionQuality, 'entry_slippage' | 'exit_slippage'>;

const STEPS: Record<Step, string> = {
  alert_to_received: 'Alert fired → received',
  received_to_stored: 'Received → stored',
  stored_to_decided: 'Stored → decided',
  decided_to_sent: 'Decided → sent',
  sent_to_acknowledged: 'Sent → acknowledged',
  acknowledged_to_filled: 'Acknowledged → first fill',
  sent_to_filled: 'Sent → first fill',
  received_to_filled: 'Received → first fill',
};

const SLIPS = [
  ['entry_slippage', 'Entries worse than decided'],
  ['exit_slippage', 'Exits worse than their level'],
] as const;

const points = (text: string) => `${number(text)} bp`;

/** How long signals took on their way, step by step. */
export function Quality({ filter }: { filter: PerformanceFilter }) {
  const query = useQuery(qualityQuery(filter));
  const rows = query.data
    ? (Object.keys(STEPS) as Step[]).flatMap((step) => {
        const times = query.data[step];
        return times ? [{ step, times }] : [];
      })
    : [];
  const slips = query.data
    ? SLIPS.flatMap(([name, title]) => (query.data[name] ? [{ title, ...query.data[name] }] : []))
    : [];
  if (rows.length === 0 && slips.length === 0) return null;
  return (
    <Panel title="Speed" aside={<span className={styles.dim}>From alert to fill</span>}>
      <DataTable label="Speed" dense>
        <thead>
          <tr>
            <th scope="col">Step</th>
            <th scope="col" data-numeric>
              Half within
            </th>
            <th scope="col" data-numeric>
              90 % within
            </th>
            <th scope="col" data-numeric>
              99 % within
            </th>
            <th scope="col" data-numeric>
              Signals
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ step, times }) => (
            <tr key={step}>
              <th scope="row">{STEPS[step]}</th>
              <td data-numeric>{latency(times.p50)}</td>
              <td data-numeric>{latency(times.p90)}</td>
              <td data-numeric>{latency(times.p99)}</td>
              <td data-numeric>{number(String(times.count))}</td>
            </tr>
          ))}
          {slips.map((slip) => (
            <tr key={slip.title}>
              <th scope="row">{slip.title}</th>
              <td data-numeric>{points(slip.p50)}</td>
              <td data-numeric>{points(slip.p90)}</td>
              <td data-numeric>{points(slip.p99)}</td>
              <td data-numeric>{number(String(slip.count))}</td>
            </tr>
          ))}
        </tbody>
      </DataTable>
    </Panel>
  );
}
