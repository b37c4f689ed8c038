import { useMediaQuery } from '@mantine/hooks';
import { Link } from '@tanstack/react-router';
import type { Trade } from '@/api/types';
import { useServerNow } from '@/live/hooks';
import { negate, parse } from '@/shared/decimal';
import { decimalsOf, duration, money, number, price, signed, words } from '@/shared/format';
import { PHONE } from '@/shared/media';
import { DataTable } from '@/shared/ui/DataTable';
import { Pnl } from '@/shared/ui/Pnl';
import { SideTag } from '@/shared/ui/SideTag';
import { Tag, type Tone } from '@/shared/ui/Tag';
import { Ago } from '@/shared/ui/Time';
import styles from './trades.module.css';

const REASON_TONES: Partial<Record<Trade['exit_reason'], Tone>> = {
  take_profit: 'profit',
  stop_loss: 'loss',
  liquidation: 'alarm',
  external: 'warn',
  halt: 'warn',
};

export const ExitReason = ({ reason }: { reason: Trade['exit_reason'] }) => (
  <Tag tone={REASON_TONES[reason] ?? 'neutral'}>{words(reason)}</Tag>
);

const held = ({ opened_at, closed_at }: Trade) => duration(Date.parse(closed_at) - Date.parse(opened_at));

const decimals = ({ entry_price, exit_price }: Trade) => decimalsOf(entry_price, exit_price);

/** Fees are a cost: what was paid shows as a minus. */
const cost = (fees: string) => {
  const paid = parse(fees);
  return paid && negate(paid);
};

function TradesTable({ trades }: { trades: Trade[] }) {
  const now = useServerNow();
  return (
    <DataTable label="Closed trades" dense>
      <thead>
        <tr>
          <th scope="col">Symbol</th>
          <th scope="col">Side</th>
          <th scope="col" data-numeric>
            Quantity
          </th>
          <th scope="col" data-numeric>
            Entry
          </th>
          <th scope="col" data-numeric>
            Exit
          </th>
          <th scope="col" data-numeric>
            Gross
          </th>
          <th scope="col" data-numeric>
            Fees
          </th>
          <th scope="col" data-numeric>
            Funding
          </th>
          <th scope="col" data-numeric title="Gross − fees + funding">
            Net P/L, USDT
          </th>
          <th scope="col">Closed by</th>
          <th scope="col">Held</th>
          <th scope="col">Closed</th>
        </tr>
      </thead>
      <tbody>
        {trades.map((trade) => (
          <tr key={trade.id} data-testid="trade-row">
            <th scope="row" className={styles.symbol}>
              <Link to="/positions/$id" params={{ id: trade.id }}>
                {trade.symbol}
              </Link>
            </th>
            <td>
              <SideTag side={trade.side} />
            </td>
            <td data-numeric>{number(trade.qty)}</td>
            <td data-numeric>{price(trade.entry_price, decimals(trade))}</td>
            <td data-numeric>{price(trade.exit_price, decimals(trade))}</td>
            <td data-numeric>{signed(trade.gross_pnl)}</td>
            <td data-numeric className={styles.dim}>
              {money(cost(trade.fees))}
            </td>
            <td data-numeric className={styles.dim}>
              {signed(trade.funding)}
            </td>
            <td data-numeric className={styles.net}>
              <Pnl value={trade.net_pnl} />
            </td>
            <td>
              <ExitReason reason={trade.exit_reason} />
            </td>
            <td className="num">{held(trade)}</td>
            <td>
              <Ago at={trade.closed_at} now={now} />
            </td>
          </tr>
        ))}
      </tbody>
    </DataTable>
  );
}

function TradeCards({ trades }: { trades: Trade[] }) {
  const now = useServerNow();
  return (
    <ul className={styles.cards}>
      {trades.map((trade) => (
        <li key={trade.id} data-testid="trade-row" className={styles.card}>
          <span className={styles.line}>
            <Link to="/positions/$id" params={{ id: trade.id }} className={styles.symbol}>
              {trade.symbol}
            </Link>
            <SideTag side={trade.side} />
            <span className={styles.end}>
              <Pnl value={trade.net_pnl} suffix=" USDT" />
            </span>
          </span>
          <span className={styles.line}>
            <ExitReason reason={trade.exit_reason} />
            <span className={`num ${styles.dim}`}>fees {money(cost(trade.fees))}</span>
            <span className={`${styles.end} ${styles.dim}`}>
              <Ago at={trade.closed_at} now={now} />
            </span>
          </span>
        </li>
      ))}
    </ul>
  );
}

/** Closed positions with what they really brought; cards on a phone. */
export function TradesList({ trades }: { trades: Trade[] }) {
  const phone = useMediaQuery(PHONE, false, { getInitialValueInEffect: false });
  return phone ? <TradeCards trades={trades} /> : <TradesTable trades={trades} />;
}
