import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { equityQuery, type PerformanceFilter, statsQuery } from '@/api/performance';
import { accountsQuery } from '@/api/queries';
import { useLive } from '@/live/hooks';
import { usePlan } from '@/live/plan';
import { money, words } from '@/shared/format';
import { Figure, Figures } from '@/shared/ui/Figures';
import { Pnl } from '@/shared/ui/Pnl';
import { dayStart } from './period';

/** How it stands right now. */
export function NowFigures({ filter }: { filter: PerformanceFilter }) {
  const now = useLive((state) => state.now);
  const account = filter.account_id ? { account_id: filter.account_id } : {};
  const today = useQuery(statsQuery({ ...account, since: dayStart(now) }));
  const curve = useQuery(equityQuery(filter));
  const accounts = useQuery(accountsQuery);
  const total = useLive((state) => state.total);
  const plan = usePlan();
  const equity = curve.data?.points.findLast((point) => point.equity !== null)?.equity;
  const halted = (accounts.data ?? []).filter(({ halt }) => halt !== null);

  return (
    <Figures label="Now">
      <Figure name="Equity" unit="USDT" note="at the last reading, open P/L counted">
        <span className="num">{money(equity ?? null)}</span>
      </Figure>
      <Figure
        name="Today, closed"
        unit="USDT"
        note={
          today.data
            ? `${today.data.trades} ${today.data.trades === 1 ? 'trade' : 'trades'} since 00:00 UTC, after fees`
            : 'since 00:00 UTC'
        }
      >
        <Pnl value={today.data?.net_pnl ?? null} data-testid="today-pnl" />
      </Figure>
      <Figure name="Open P/L" unit="USDT" note={`${total.open} open, before fees`}>
        <Pnl value={total.pnl} stale={total.stale} />
      </Figure>
      <Figure
        name="Open risk"
        unit="USDT"
        note={plan.unguarded > 0 ? `${plan.unguarded} without a stop, not counted` : 'if every stop is hit'}
        alarm={plan.unguarded > 0}
      >
        <Pnl value={plan.atStops} />
      </Figure>
      <Figure
        name="Trading"
        note={
          halted.length > 0
            ? [...new Set(halted.map(({ halt }) => words(halt?.level ?? '')))].join(', ')
            : 'Signals are acted on'
        }
        alarm={halted.length > 0}
      >
        {accounts.data?.length === 0 ? (
          <Link to="/setup">Connect</Link>
        ) : halted.length === 0 ? (
          'On'
        ) : (
          `Halted${accounts.data && halted.length < accounts.data.length ? `, ${halted.length} of ${accounts.data.length}` : ''}`
        )}
      </Figure>
    </Figures>
  );
}
