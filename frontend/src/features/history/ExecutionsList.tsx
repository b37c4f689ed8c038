import { useMediaQuery } from '@mantine/hooks';
import type { Execution } from '@/api/types';
import { useServerNow } from '@/live/hooks';
import { negate, parse } from '@/shared/decimal';
import { money, number, UNKNOWN } from '@/shared/format';
import { PHONE } from '@/shared/media';
import { DataTable } from '@/shared/ui/DataTable';
import { Pnl } from '@/shared/ui/Pnl';
import { Ago } from '@/shared/ui/Time';
import { BuySell } from './BuySell';
import styles from './History.module.css';

/** A fee is a cost: what was paid shows as a minus. */
function fee(text: string) {
  const paid = parse(text);
  return money(paid && negate(paid), 4);
}

/** A fill that only opens realises nothing. */
const Realised = ({ fill, suffix = '' }: { fill: Execution; suffix?: string }) =>
  parse(fill.realised_pnl)?.units ? <Pnl value={fill.realised_pnl} suffix={suffix} /> : UNKNOWN;

function ExecutionsTable({ fills }: { fills: Execution[] }) {
  const now = useServerNow();
  return (
    <DataTable label="Executions" dense>
      <thead>
        <tr>
          <th scope="col">Symbol</th>
          <th scope="col">Side</th>
          <th scope="col">Type</th>
          <th scope="col" data-numeric>
            Quantity
          </th>
          <th scope="col" data-numeric>
            Price
          </th>
          <th scope="col" data-numeric>
            Fee, USDT
          </th>
          <th scope="col" data-numeric>
            Realised, USDT
          </th>
          <th scope="col">Order id</th>
          <th scope="col">Executed</th>
        </tr>
      </thead>
      <tbody>
        {fills.map((fill) => (
          <tr key={`${fill.account_id}${fill.id}`} data-testid="execution-row">
            <th scope="row" className={styles.symbol}>
              {fill.symbol}
            </th>
            <td>
              <BuySell side={fill.side} />
            </td>
            <td>{fill.exec_type}</td>
            <td data-numeric>{number(fill.qty)}</td>
            <td data-numeric>{number(fill.price)}</td>
            <td data-numeric className={styles.dim}>
              {fee(fill.fee)}
            </td>
            <td data-numeric>
              <Realised fill={fill} />
            </td>
            <td className={styles.id} title={fill.order_id ?? undefined}>
              {fill.order_id ?? UNKNOWN}
            </td>
            <td>
              <Ago at={fill.executed_at} now={now} />
            </td>
          </tr>
        ))}
      </tbody>
    </DataTable>
  );
}

function ExecutionCards({ fills }: { fills: Execution[] }) {
  const now = useServerNow();
  return (
    <ul className={styles.cards}>
      {fills.map((fill) => (
        <li key={`${fill.account_id}${fill.id}`} data-testid="execution-row" className={styles.card}>
          <span className={styles.row}>
            <b>{fill.symbol}</b>
            <BuySell side={fill.side} />
            <span className={`num ${styles.end}`}>
              {number(fill.qty)} at {number(fill.price)}
            </span>
          </span>
          <span className={`${styles.row} ${styles.dim}`}>
            <Ago at={fill.executed_at} now={now} />
            <span className={`num ${styles.end}`}>
              fee {fee(fill.fee)} · <Realised fill={fill} suffix=" USDT" />
            </span>
          </span>
        </li>
      ))}
    </ul>
  );
}

/** Every fill, as the exchange told it. */
export function ExecutionsList({ items }: { items: Execution[] }) {
  const phone = useMediaQuery(PHONE, false, { getInitialValueInEffect: false });
  return phone ? <ExecutionCards fills={items} /> : <ExecutionsTable fills={items} />;
}
