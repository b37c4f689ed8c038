import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { type PerformanceFilter, statsQuery } from '@/api/performance';
import { toApiError } from '@/api/problem';
import { direction, signed } from '@/shared/format';
import { Panel } from '@/shared/ui/Panel';
import { Failure, LoadingRows } from '@/shared/ui/StateBlock';
import { type CalendarDay, calendarOf } from './calendar';
import styles from './Overview.module.css';

const WEEKS = 26;
const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const MARK = { profit: '+', loss: '−', flat: '0', unknown: '' };

const words = ({ day, result }: CalendarDay) =>
  result
    ? `${day}: ${signed(result.net_pnl)} USDT, ${result.trades} ${result.trades === 1 ? 'trade' : 'trades'}`
    : `${day}: no trade closed`;

/** Where there is not room for all, the newest days are in view. */
function toNewest(scroller: HTMLElement | null) {
  if (scroller) scroller.scrollLeft = scroller.scrollWidth;
}

/** Net result of each day, as a map: the sign stands in it, colour and strength only support it. */
export function Calendar({ filter }: { filter: PerformanceFilter }) {
  const now = useMemo(() => Date.now(), []);
  const since = new Date(Math.floor(now / 86_400_000) * 86_400_000 - WEEKS * 7 * 86_400_000).toISOString();
  const query = useQuery(statsQuery({ ...filter, since }, 'day'));
  const weeks = useMemo(() => calendarOf(query.data?.groups ?? [], WEEKS, now), [query.data, now]);
  return (
    <Panel title="Days" aside={<span className={styles.dim}>Net P/L by UTC day, half a year</span>}>
      {query.isPending && <LoadingRows rows={4} />}
      {query.isError && !query.data && (
        <Failure
          title="Days could not be read"
          error={toApiError(query.error)}
          onRetry={() => query.refetch()}
        />
      )}
      {query.data && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: WCAG 2.1.1, scrollable-region-focusable
        <section ref={toNewest} className={styles.calendar} tabIndex={0} aria-label="Days">
          <table aria-label="Net result of each day">
            <tbody>
              {WEEKDAYS.map((name, weekday) => (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  {weeks.map((week) => {
                    const day = week[weekday];
                    if (!day || day.ahead) return <td key={day?.day} />;
                    const sign = direction(day.result?.net_pnl);
                    return (
                      <td
                        key={day.day}
                        data-direction={day.result ? sign : undefined}
                        data-strength={day.strength}
                        data-day={day.day}
                        title={words(day)}
                      >
                        <span aria-hidden="true">{day.result ? MARK[sign] : ''}</span>
                        <span className={styles.hidden}>{words(day)}</span>
                      </td>
                    );
                  })}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </Panel>
  );
}
