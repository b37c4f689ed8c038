import { useMediaQuery } from '@mantine/hooks';
import type { Signal } from '@/api/types';
import { useServerNow } from '@/live/hooks';
import { latency, number, UNKNOWN, words } from '@/shared/format';
import { PHONE } from '@/shared/media';
import { DataTable } from '@/shared/ui/DataTable';
import { Ago } from '@/shared/ui/Time';
import { SignalStatus } from './SignalStatus';
import styles from './SignalsList.module.css';

/** Why it did not become an order, in words. */
export function reasonOf({ reason, errors }: Signal): string | null {
  if (reason) return reason;
  return errors.length > 0 ? errors.map(({ field, message }) => `${field}: ${message}`).join('; ') : null;
}

/** What the alert asked for: "Buy BTCUSDT". */
export const wishOf = ({ action, symbol }: Signal) =>
  [action && words(action), symbol].filter(Boolean).join(' ') || 'Not understood';

const decisionTime = ({ received_at, decided_at }: Signal) =>
  decided_at === null ? UNKNOWN : latency(Math.max(0, Date.parse(decided_at) - Date.parse(received_at)));

interface SignalsListProps {
  signals: readonly Signal[];
  onOpen: (id: string) => void;
}

function SignalsTable({ signals, onOpen }: SignalsListProps) {
  const now = useServerNow();
  return (
    <DataTable label="Signals" dense>
      <thead>
        <tr>
          <th scope="col">Status</th>
          <th scope="col">Signal</th>
          <th scope="col" data-numeric>
            Quantity
          </th>
          <th scope="col">Strategy</th>
          <th scope="col">Reason</th>
          <th scope="col" data-numeric title="From received to decided">
            Decided in
          </th>
          <th scope="col">Received</th>
        </tr>
      </thead>
      <tbody>
        {signals.map((signal) => {
          const reason = reasonOf(signal);
          return (
            <tr key={signal.id} data-testid="signal-row" data-clickable onClick={() => onOpen(signal.id)}>
              <td>
                <SignalStatus status={signal.status} />
              </td>
              <th scope="row">
                <button
                  type="button"
                  className={styles.open}
                  aria-label={`Flight record of ${wishOf(signal)}`}
                  onClick={(event) => {
                    event.stopPropagation();
                    onOpen(signal.id);
                  }}
                >
                  {wishOf(signal)}
                </button>
              </th>
              <td data-numeric>{signal.qty === null ? UNKNOWN : number(signal.qty)}</td>
              <td className={styles.strategy}>{signal.strategy_name}</td>
              <td className={styles.reason} title={reason ?? undefined}>
                {reason ?? UNKNOWN}
              </td>
              <td data-numeric>{decisionTime(signal)}</td>
              <td>
                <Ago at={signal.received_at} now={now} />
              </td>
            </tr>
          );
        })}
      </tbody>
    </DataTable>
  );
}

function SignalCards({ signals, onOpen }: SignalsListProps) {
  const now = useServerNow();
  return (
    <ul className={styles.cards}>
      {signals.map((signal) => (
        <li key={signal.id}>
          <button
            type="button"
            className={styles.card}
            data-testid="signal-row"
            onClick={() => onOpen(signal.id)}
          >
            <span className={styles.line}>
              <span className={styles.wish}>{wishOf(signal)}</span>
              {signal.qty !== null && <span className="num">{number(signal.qty)}</span>}
              <span className={styles.end}>
                <SignalStatus status={signal.status} />
              </span>
            </span>
            {reasonOf(signal) && <span className={styles.why}>{reasonOf(signal)}</span>}
            <span className={`${styles.line} ${styles.dim}`}>
              {signal.strategy_name}
              <span className={styles.end}>
                <Ago at={signal.received_at} now={now} />
              </span>
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}

export function SignalsList(props: SignalsListProps) {
  const phone = useMediaQuery(PHONE, false, { getInitialValueInEffect: false });
  return phone ? <SignalCards {...props} /> : <SignalsTable {...props} />;
}
