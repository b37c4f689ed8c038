import { useMediaQuery } from '@mantine/hooks';
import type { Order } from '@/api/types';
import { useServerNow } from '@/live/hooks';
import { number, UNKNOWN, words } from '@/shared/format';
import { PHONE } from '@/shared/media';
import { DataTable } from '@/shared/ui/DataTable';
import { Tag, type Tone } from '@/shared/ui/Tag';
import { Ago } from '@/shared/ui/Time';
import { BuySell } from './BuySell';
import styles from './History.module.css';

const STATUS: Record<Order['status'], { tone: Tone; words: string; busy?: true }> = {
  intended: { tone: 'info', words: 'Intended', busy: true },
  sent: { tone: 'info', words: 'Sent', busy: true },
  unknown: { tone: 'warn', words: 'Unknown, checking', busy: true },
  open: { tone: 'info', words: 'Open', busy: true },
  filled: { tone: 'accent', words: 'Filled' },
  canceled: { tone: 'neutral', words: 'Canceled' },
  rejected: { tone: 'danger', words: 'Rejected' },
  expired: { tone: 'neutral', words: 'Expired' },
};

function Status({ status }: { status: Order['status'] }) {
  const { tone, words: said, busy = false } = STATUS[status];
  return (
    <Tag tone={tone} dot={busy} pulse={busy}>
      {said}
    </Tag>
  );
}

const filled = ({ qty, filled_qty }: Order) =>
  qty === filled_qty ? number(qty) : `${number(filled_qty)} of ${number(qty)}`;

/** What it was filled at; what it waits for while nothing is. */
function priceOf({ avg_price, limit_price }: Order): string {
  if (avg_price !== null) return number(avg_price);
  return limit_price === null ? UNKNOWN : `limit ${number(limit_price)}`;
}

const Purpose = ({ order }: { order: Order }) => (
  <>
    {words(order.purpose)}
    {order.reduce_only && <span className={styles.dim}> · reduce-only</span>}
  </>
);

function OrdersTable({ orders }: { orders: Order[] }) {
  const now = useServerNow();
  return (
    <DataTable label="Orders" dense>
      <thead>
        <tr>
          <th scope="col">Symbol</th>
          <th scope="col">Side</th>
          <th scope="col">For</th>
          <th scope="col" data-numeric>
            Filled
          </th>
          <th scope="col" data-numeric>
            Price
          </th>
          <th scope="col" data-numeric title="Stop sent with the order">
            Stop
          </th>
          <th scope="col">Status</th>
          <th scope="col">Reason</th>
          <th scope="col">Order id</th>
          <th scope="col">Created</th>
        </tr>
      </thead>
      <tbody>
        {orders.map((order) => (
          <tr key={order.id} data-testid="order-row">
            <th scope="row" className={styles.symbol}>
              {order.symbol}
            </th>
            <td>
              <BuySell side={order.side} />
            </td>
            <td className={styles.line}>
              <Purpose order={order} />
            </td>
            <td data-numeric>{filled(order)}</td>
            <td data-numeric>{priceOf(order)}</td>
            <td data-numeric className={styles.dim}>
              {order.stop_loss === null ? UNKNOWN : number(order.stop_loss)}
            </td>
            <td>
              <Status status={order.status} />
            </td>
            <td className={styles.reason} title={order.reason ?? undefined}>
              {order.reason ?? UNKNOWN}
            </td>
            <td className={styles.id} title={order.id}>
              {order.id}
            </td>
            <td>
              <Ago at={order.created_at} now={now} />
            </td>
          </tr>
        ))}
      </tbody>
    </DataTable>
  );
}

function OrderCards({ orders }: { orders: Order[] }) {
  const now = useServerNow();
  return (
    <ul className={styles.cards}>
      {orders.map((order) => (
        <li key={order.id} data-testid="order-row" className={styles.card}>
          <span className={styles.row}>
            <b>{order.symbol}</b>
            <BuySell side={order.side} />
            <span className={styles.end}>
              <Status status={order.status} />
            </span>
          </span>
          <span className={styles.row}>
            <Purpose order={order} />
            <span className={`num ${styles.end}`}>
              {filled(order)}
              {priceOf(order) !== UNKNOWN && ` at ${priceOf(order)}`}
            </span>
          </span>
          {order.reason && <span className={styles.dim}>{order.reason}</span>}
          <span className={styles.dim}>
            <Ago at={order.created_at} now={now} />
          </span>
        </li>
      ))}
    </ul>
  );
}

/** Every order that was intended, whatever became of it. */
export function OrdersList({ items }: { items: Order[] }) {
  const phone = useMediaQuery(PHONE, false, { getInitialValueInEffect: false });
  return phone ? <OrderCards orders={items} /> : <OrdersTable orders={items} />;
}
